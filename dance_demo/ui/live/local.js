// Has the visitor's own browser answer the camera: js/engine.js, in a worker. The next script, live.js, asks it.
const SIMD = Uint8Array.of(  // the smallest WebAssembly with SIMD: a function that makes a vector of a number
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);

class Engine {
  static able() {
    const known = ["Worker", "DecompressionStream", "ImageData"].every(name => name in window);
    return known && "WebAssembly" in window && WebAssembly.validate(SIMD);
  }

  // Addresses of the program, of LiteRT, and of what is to be known of a model.
  constructor({engine, runtime, about}) {
    const whole = path => new URL(address(path), location.href).href;
    [this.program, this.runtime, this.about] = [engine, runtime, about].map(whole);
    [this.worker, this.waiting, this.asked] = [null, new Map(), 0];
  }

  // As `askAbout` answers, a `still` picture as exactly as a photo; `heat` is an ImageData. Throws if the worker cannot
  // go on.
  ask({data, width, height}, {model, class: number, anew}, still) {
    this.worker ??= this.started();
    const id = this.asked += 1, pixels = data.buffer.slice(0);
    const question = {id, pixels, width, height, heatOf: Number(number), anew: Boolean(anew), still};
    this.worker.postMessage({...question, model: `${this.about}?model=${model}`, runtime: this.runtime}, [pixels]);
    return new Promise((done, fail) => this.waiting.set(id, {done, fail}));
  }

  started() {
    const worker = new Worker(this.program);
    worker.addEventListener("message", ({data: {id, answer, problem}}) => {
      const {done, fail} = this.waiting.get(id);
      this.waiting.delete(id);
      if (answer) done({status: 200, ...answer});
      else fail(new Error(problem));
    });
    worker.addEventListener("error", event => {
      for (const {fail} of this.waiting.values()) fail(new Error(event.message));
      this.waiting.clear();
    });
    return worker;
  }
}
