// The tabs of the page: each has an address (#train, #many ...), and the arrow keys go from one to the next.
// What is selected is read from the page, whoever selected it: a click, a key, or the server.
const FIRST = "photo";  // where an address without a name leads to
const ROWS = ["#tabs", "#ways"], GROUP = "name";  // the tabs in #ways lie in this one of #tabs
let going = true;  // to the tab of the address, which is not yet shown

const tabs = row => [...document.querySelectorAll(`${row} > .tab-wrapper [role=tab]`)];
const isSelected = tab => tab.getAttribute("aria-selected") === "true";
const all = () => ROWS.flatMap(tabs).filter(tab => tab.dataset.tabId !== GROUP);

function asked() {
  const name = location.hash.slice(1);
  return all().some(tab => tab.dataset.tabId === name) ? name : FIRST;
}

function shown() {
  const [outer, inner] = ROWS.map(row => tabs(row).find(isSelected)?.dataset.tabId);
  return outer === GROUP ? inner : outer;
}

// Select the tab of the address, and before it the one that it lies in.
function go() {
  const name = asked();
  const tab = all().find(tab => tab.dataset.tabId === name);
  if (shown() === name) return going = false;
  const group = tab.closest("#ways") && tabs("#tabs").find(tab => tab.dataset.tabId === GROUP);
  for (const next of [group, tab]) if (next && !isSelected(next)) next.click();
}

function follow() {
  if (!ROWS.every(row => tabs(row).length)) return;  // the page is not there yet
  for (const tab of document.querySelectorAll("[role=tab]")) tab.tabIndex = isSelected(tab) ? 0 : -1;
  if (going) go();
  if (going) return;
  const name = shown();
  if (name && name !== asked()) history.pushState(null, "", `#${name}`);
}

const KEYS = {ArrowLeft: at => at - 1, ArrowRight: at => at + 1, Home: () => 0, End: () => -1};
document.addEventListener("keydown", event => {
  const tab = event.target.closest?.("[role=tab]"), move = KEYS[event.key];
  if (!tab || !move || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const row = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]:enabled")];
  const next = row.at(move(row.indexOf(tab)) % row.length);
  next.focus();
  next.click();
});

// An address of its own would lose the tab at the next reload.
element.querySelector(".skip").addEventListener("click", event => {
  event.preventDefault();
  tabs("#tabs").find(isSelected)?.focus();
});

window.addEventListener("popstate", () => {
  going = true;
  follow();
});
new MutationObserver(follow).observe(document.body, {subtree: true, childList: true, attributeFilter: ["aria-selected"]});
follow();
