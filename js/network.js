// The backbone, run by LiteRT in WebAssembly: a photo as numbers in, a feature map and perhaps an inner one out.

import {loadAndCompile, loadLiteRt, Tensor} from "@litertjs/core";
import {useRuntime} from "./runtime.js";

let started = null;  // LiteRT starts once, for all networks

// runtime: the bytes of LiteRT's .wasm; network: those of a .tflite file.
export async function loadNetwork(runtime, network) {
  useRuntime(runtime);
  await (started ??= loadLiteRt("litert.js"));
  const model = await loadAndCompile(network, {accelerator: "wasm"});
  const [{shape: inputShape}] = model.getInputDetails(), outputs = model.getOutputDetails();
  return {
    async featureMap(values) {
      const input = new Tensor(values, [...inputShape]);
      const found = await model.run([input]);
      const [map, inner = null] = found.map((output, i) => {
        const [, height, width, channels] = outputs[i].shape;
        return {data: output.toTypedArray(), height, width, channels};  // a copy
      });
      input.delete();
      for (const output of found) output.delete();
      return {...map, inner};
    },
  };
}
