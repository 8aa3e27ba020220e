// The backbone, run by LiteRT in WebAssembly: a photo as numbers in, a feature map out.

import {loadAndCompile, loadLiteRt, Tensor} from "@litertjs/core";
import {useRuntime} from "./runtime.js";

let started = null;  // LiteRT starts once, for all networks

// runtime: the bytes of LiteRT's .wasm; network: those of a .tflite file.
export async function loadNetwork(runtime, network) {
  useRuntime(runtime);
  await (started ??= loadLiteRt("litert.js"));
  const model = await loadAndCompile(network, {accelerator: "wasm"});
  const [{shape: inputShape}] = model.getInputDetails(), [{shape: outputShape}] = model.getOutputDetails();
  const [, height, width, channels] = outputShape;
  return {
    async featureMap(values) {
      const input = new Tensor(values, [...inputShape]);
      const [output] = await model.run([input]);
      const data = output.toTypedArray();  // a copy
      input.delete();
      output.delete();
      return {data, height, width, channels};
    },
  };
}
