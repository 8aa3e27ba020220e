"""A Hugging Face Hub on loopback: the endpoints that publishing and fetching use, answered from memory.

Accounts are named by their tokens, a repository is its commits, and `troubles` has it answer badly.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.support import ROOT

DANCER = "hf_dancersOwnSecretToken"  # of the account "dancer"
STRANGER = "hf_strangersOwnSecretToken"


class Refused(Exception):
    """Ends a request with this status."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Repo:
    """All commits, each with all its files; `main` is the last."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.head]

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def commit(self, files: dict[str, bytes]) -> str:
        name = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[name] = files
        return name

    def at(self, revision: str) -> tuple[str, dict[str, bytes]]:
        name = self.head if revision == "main" else revision
        if name not in self.commits:
            raise Refused(404, "Invalid rev id", "RevisionNotFound")
        return name, self.commits[name]


@dataclass
class HubServer:
    """`lfs`: whether numbers (.npz) are large files for it. `sizes`: what it claims of a file in lists."""

    lfs: bool = False
    accounts: dict[str, str] = field(default_factory=lambda: {DANCER: "dancer", STRANGER: "stranger"})
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    troubles: list[tuple[str, str, int]] = field(default_factory=list)  # method, pattern of the path, status
    redirects: list[tuple[str, str]] = field(default_factory=list)  # pattern of the path, where to go instead
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, Authorization
    objects: dict[str, bytes] = field(default_factory=dict)
    _server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """For a process that shall know this Hub only."""
        return {"HF_ENDPOINT": self.url, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": ""}

    def add(self, repo: str, files: dict[str, bytes], *, kind: str = "models", private: bool = False) -> str:
        """A repository with one commit; returns its name."""
        self.repos[kind, repo] = Repo(private)
        return self.repos[kind, repo].commit({".gitattributes": b"*.npz filter=lfs\n"} | files)

    def tokens(self) -> set[str]:
        """All that was sent to it."""
        return {token for _, _, token in self.requests if token}

    def paths(self, method: str) -> list[str]:
        return [path for one, path, _ in self.requests if one == method]

    # --- endpoints --------------------------------------------------------------------------------------------

    def whoami(self, call: "Call") -> Any:
        name = self.accounts.get(call.token)
        if name is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        return {"type": "user", "name": name, "fullname": name, "orgs": [], "auth": {"type": "access_token"}}

    def create(self, call: "Call") -> Any:
        owner, order = self.whoami(call)["name"], call.json()
        name = f"{order.get('organization') or owner}/{order['name']}"
        if not name.startswith(f"{owner}/"):
            raise Refused(403, f"You don't have the rights to create a model under the namespace of {name}")
        kind = f"{order.get('type') or 'model'}s"
        if (kind, name) in self.repos:
            raise Refused(409, "You already created this repo")
        assert kind != "spaces" or order["sdk"] == "static"  # the Hub takes no Space without an SDK
        self.add(name, {}, kind=kind, private=order.get("visibility") == "private")
        return {"url": f"{self.url}/{name}", "name": name, "id": name}

    def check_yaml(self, call: "Call") -> Any:
        assert call.json()["content"].startswith("---\n")
        return {"errors": [], "warnings": []}

    def info(self, call: "Call", kind: str, repo: str, revision: str = "main") -> Any:
        found = self.found(call, kind, repo)
        commit, files = found.at(revision)
        return {
            "id": repo,
            "sha": commit,
            "private": found.private,
            "siblings": [{"rfilename": name} for name in files],
        }

    def tree(self, call: "Call", kind: str, repo: str, revision: str) -> Any:
        _, files = self.found(call, kind, repo).at(revision)
        return [self.entry(name, data) for name, data in files.items()]

    def paths_info(self, call: "Call", kind: str, repo: str, revision: str) -> Any:
        _, files = self.found(call, kind, repo).at(revision)
        asked = parse_qs(call.body.decode()).get("paths", [])
        return [self.entry(name, files[name]) for name in asked if name in files]

    def entry(self, name: str, data: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return {"type": "file", "path": name, "oid": oid, "size": self.sizes.get(name, len(data))}

    def preupload(self, call: "Call", kind: str, repo: str, revision: str) -> Any:
        self.writable(call, kind, repo)
        names = [file["path"] for file in call.json()["files"]]
        mode = {name: "lfs" if self.lfs and name.endswith(".npz") else "regular" for name in names}
        return {"files": [{"path": name, "uploadMode": mode[name], "shouldIgnore": False} for name in names]}

    def lfs_batch(self, call: "Call", repo: str) -> Any:
        self.writable(call, "models", repo)
        actions = {one["oid"]: {"upload": {"href": f"{self.url}/lfs/{one['oid']}"}} for one in call.json()["objects"]}
        return {"transfer": "basic", "objects": [{"oid": oid, "size": 1, "actions": a} for oid, a in actions.items()]}

    def lfs_upload(self, call: "Call", oid: str) -> Any:
        assert hashlib.sha256(call.body).hexdigest() == oid
        self.objects[oid] = call.body
        return {}

    def commit(self, call: "Call", kind: str, repo: str, revision: str) -> Any:
        found = self.writable(call, kind, repo)
        files = dict(found.files)
        for line in call.body.decode().splitlines():
            order = json.loads(line)
            if order["key"] == "file":
                files[order["value"]["path"]] = base64.b64decode(order["value"]["content"])
            elif order["key"] == "lfsFile":
                files[order["value"]["path"]] = self.objects[order["value"]["oid"]]
        name = found.commit(files)
        return {"success": True, "commitOid": name, "commitUrl": f"{self.url}/{repo}/commit/{name}", "hookOutput": ""}

    def resolve(self, call: "Call", kind: str, repo: str, revision: str, name: str) -> bytes:
        commit, files = self.found(call, kind or "models", repo).at(revision)
        call.headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(files.get(name, b"")).hexdigest()}"'}
        if name not in files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        return files[name]

    # --- who may do what --------------------------------------------------------------------------------------

    def found(self, call: "Call", kind: str, repo: str) -> Repo:
        found = self.repos.get((kind, repo))
        if call.token and call.token not in self.accounts:
            raise Refused(401, "Invalid credentials in Authorization header")
        owner = self.accounts.get(call.token, "")
        if found is None or (found.private and not repo.startswith(f"{owner}/")):
            raise Refused(404 if call.token else 401, "Repository not found", "RepoNotFound")
        return found

    def writable(self, call: "Call", kind: str, repo: str) -> Repo:
        found = self.found(call, kind, repo)
        if not repo.startswith(f"{self.whoami(call)['name']}/"):
            raise Refused(403, "Forbidden: you must be the owner")
        return found


REPO = r"([\w.-]+/[\w.-]+)"
ROUTES: list[tuple[str, str, Callable]] = [
    ("GET", r"/api/whoami-v2", HubServer.whoami),
    ("POST", r"/api/repos/create", HubServer.create),
    ("POST", r"/api/validate-yaml", HubServer.check_yaml),
    ("GET", rf"/api/(models|datasets|spaces)/{REPO}", HubServer.info),
    ("GET", rf"/api/(models|datasets)/{REPO}/revision/([^/]+)", HubServer.info),
    ("GET", rf"/api/(models|datasets|spaces)/{REPO}/tree/([^/]+)", HubServer.tree),
    ("POST", rf"/api/(models|datasets)/{REPO}/paths-info/([^/]+)", HubServer.paths_info),
    ("POST", rf"/api/(models|spaces)/{REPO}/preupload/([^/]+)", HubServer.preupload),
    ("POST", rf"/api/(models|spaces)/{REPO}/commit/([^/]+)", HubServer.commit),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", HubServer.lfs_batch),
    ("PUT", r"/lfs/([0-9a-f]{64})", HubServer.lfs_upload),
    ("GET", rf"/(?:(datasets)/)?{REPO}/resolve/([^/]+)/(.+)", HubServer.resolve),
]


@dataclass
class Call:
    """One request, and the headers that its answer shall have."""

    method: str
    path: str
    token: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body)


def answer(hub: HubServer, call: Call) -> tuple[int, bytes]:
    """(status, body)"""
    path = unquote(urlsplit(call.path).path)
    method = "GET" if call.method == "HEAD" else call.method
    hub.requests.append((call.method, path, call.token))
    try:
        for pattern, location in hub.redirects:
            if re.fullmatch(pattern, path):
                if resolved := re.fullmatch(
                    ROUTES[-1][1], path
                ):  # says at once what comes, as the Hub does of large files
                    data = hub.resolve(call, *resolved.groups())
                    call.headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": call.headers["ETag"]}
                call.headers["Location"] = location
                return 302, b""
        for one, pattern, status in hub.troubles:
            if one == call.method and re.fullmatch(pattern, path):
                raise Refused(status, "made up for a test")
        for one, pattern, endpoint in ROUTES:
            if one == method and (match := re.fullmatch(pattern, path)):
                made = endpoint(hub, call, *match.groups())
                return 200, made if isinstance(made, bytes) else json.dumps(made).encode()
        raise Refused(404, "no such endpoint")
    except Refused as refused:
        call.headers |= {"X-Error-Message": str(refused)} | ({"X-Error-Code": refused.code} if refused.code else {})
        return refused.status, json.dumps({"error": str(refused)}).encode()


def handler(hub: HubServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            call = Call(self.command, self.path, token, body)
            status, data = answer(hub, call)
            self.send_response(status)
            for name, value in call.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                with contextlib.suppress(OSError):
                    self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = respond

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def running_hub(**settings: Any) -> Iterator[HubServer]:
    """A Hub on a free port, with two accounts and nothing in it."""
    hub = HubServer(**settings)
    hub._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(hub))
    hub._server.daemon_threads = True
    threading.Thread(target=hub._server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        hub._server.shutdown()
        hub._server.server_close()


def carry_out(orders: str) -> list:
    """What came of each order in a JSON list: publish, fetch (a head) or photos (of a dataset), with its arguments."""
    from dance_demo.data import hub_source as hub_dataset
    from dance_demo.errors import DanceDemoError
    from dance_demo.hub.client import Access
    from dance_demo.jobs.progress import never
    from dance_demo.model import publishing

    def publish(model: str, repo: str, token: str, public: bool) -> dict:
        with tempfile.TemporaryDirectory() as folder:
            *_, published = publishing.publish(Path(folder), never, Path(model), repo, Access(token), public)
        return vars(published)

    def fetch(address: str, folder: str, token: str) -> dict:
        *_, origin, model = publishing.fetch(Path(folder), never, address, Access(token))
        return {"address": origin.address, "model": str(model)}

    def photos(address: str, folder: str, token: str) -> dict:
        fetched = hub_dataset.fetch_photos(address, Path(folder), Access(token))
        dataset, report = hub_dataset.open_fetched(fetched, workspace=Path(folder))
        return {"labels": dataset.labels, "layout": report.layout, "skipped": [file.name for file in report.skipped]}

    known, told = {"publish": publish, "fetch": fetch, "photos": photos}, []
    for what, *given in json.loads(orders):
        try:
            told.append(known[what](*given))
        except DanceDemoError as error:
            told.append(f"{type(error).__name__}: {error}")
    return told


def environment(hub: HubServer, folder: Path, **settings: str) -> dict[str, str]:
    own = {"HF_HOME": str(folder / "home"), "DANCE_DEMO_MODEL": str(folder / "tiny"), **hub.environment, **settings}
    return {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()} | own


def ask(hub: HubServer, folder: Path, *orders: list, **settings: str) -> list:
    """What came of each order (see `carry_out`); with settings in a process of its own, which reads them at first."""
    if settings:
        code = (
            "import json, sys; from tests.support.hub_server import carry_out as do; print(json.dumps(do(sys.argv[1])))"
        )
        line = [sys.executable, "-B", "-c", code, json.dumps(orders, default=str)]
        variables = environment(hub, folder, **settings)
        ran = subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0 and not any(token in ran.stdout + ran.stderr for token in (DANCER, STRANGER)), ran
        return json.loads(ran.stdout.splitlines()[-1])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(hub, folder).items():
            patch.setenv(name, value)
        return carry_out(json.dumps(orders, default=str))


def command(hub: HubServer, folder: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "-B", "-m", "dance_demo", *map(str, arguments)]
    variables = environment(hub, folder, **settings)
    return subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120)
