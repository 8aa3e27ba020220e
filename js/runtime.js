// Stands in for @litertjs/wasm-utils, which fetches LiteRT's program from an address. Here it is part of this program,
// and its .wasm is in memory already, so that nothing is fetched and a page opens from a file.

import moduleFactory from "@litertjs/core/wasm/litert_wasm_compat_internal.js";

let wasmBinary;

export function useRuntime(bytes) {
  wasmBinary = bytes;
}

export async function createWasmLib(Constructor) {
  const quiet = () => {};  // LiteRT says on the console what it is made of
  return new Constructor(await moduleFactory({wasmBinary, print: quiet, printErr: quiet}));
}
