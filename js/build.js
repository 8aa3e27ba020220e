// Bundles the source beside this file for dance_demo/export/assets: `make js`. The same source gives the same bytes.

import {readFile, writeFile} from "node:fs/promises";
import {fileURLToPath} from "node:url";
import {gunzipSync, gzipSync} from "node:zlib";
import {build} from "esbuild";

const here = name => fileURLToPath(new URL(name, import.meta.url));
const assets = here("../dance_demo/export/assets/");
const wasm = here("node_modules/@litertjs/core/wasm/litert_wasm_compat_internal.wasm");

// LiteRT would ask for a graphics processor when it starts, to no use of ours.
const WITH_GPU = "await Environment.create()", WITHOUT = "await Environment.create({webGpuDevice: null})";

const litert = {
  name: "litert",
  setup(bundle) {
    bundle.onResolve({filter: /^@litertjs\/wasm-utils$/}, () => ({path: here("runtime.js")}));
    bundle.onLoad({filter: /@litertjs\/core\/dist\/index\.js$/}, async ({path}) => {
      const source = await readFile(path, "utf8");
      if (source.split(WITH_GPU).length !== 2) throw new Error(`${path} does not start LiteRT as it did.`);
      return {contents: source.replace(WITH_GPU, WITHOUT)};
    });
    bundle.onLoad({filter: /litert_wasm_compat_internal\.js$/}, async ({path}) =>  // written for a script tag
      ({contents: `${await readFile(path, "utf8")}\nexport default ModuleFactory;`}));
  },
};

for (const name of ["page", "offline", "engine"]) {
  await build({
    entryPoints: [here(`${name}.js`)],
    outfile: `${assets}${name}.js`,
    bundle: true,
    minify: true,
    charset: "ascii",
    format: "iife",
    target: "es2022",
    legalComments: "none",
    external: ["node:*"],
    plugins: [litert],
    logLevel: "warning",
  });
}
// Another zlib packs the same otherwise: what is the same inside stays as it is.
const packed = `${assets}litert.wasm.gz`, program = await readFile(wasm);
const kept = await readFile(packed).then(gunzipSync, () => Buffer.alloc(0));
if (!kept.equals(program)) await writeFile(packed, gzipSync(program, {level: 9}));
