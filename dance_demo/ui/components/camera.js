// The visitor's camera, for the scripts of "Live" and "Hold to record", which follow: on at one place, and off as soon as
// nobody looks there.
const NO_CAMERA = {
  NotAllowedError: "The camera was refused. Allow it for this page in the browser's address bar, then start again.",
  SecurityError: "The camera was refused. Allow it for this page in the browser's address bar, then start again.",
  NotFoundError: "No camera was found. Connect one, or choose photos instead.",
  OverconstrainedError: "No camera was found. Connect one, or choose photos instead.",
  NotReadableError: "The camera is used by another program. Close that program, then start again.",
};
const NOT_SECURE = "Browsers offer the camera only to pages at https:// or localhost, and this one is neither. " +
  "Open the page so, or choose photos instead.";

const wait = ms => new Promise(done => setTimeout(done, ms));
const address = path => (window.gradio_config?.root ?? "") + path;
const newVisitor = () =>
  [...crypto.getRandomValues(new Uint8Array(8))].map(byte => byte.toString(16).padStart(2, "0")).join("");

class Camera {
  run = 0;  // a number for each start; what belongs to an earlier one is dropped
  several = false;  // to turn to another one
  stream = null;
  facing = "environment";

  // `gone(sentence)` is called when it has to go off, because its visitor has left or the camera has.
  constructor(video, gone) {
    [this.video, this.gone] = [video, gone];
    document.addEventListener("visibilitychange", () => document.hidden && this.stream && gone(""));
    window.addEventListener("pagehide", () => this.stream && gone(""));
  }

  close() {
    this.run += 1;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = this.stream = null;
  }

  // Returns "" once it runs, why it does not, or null if it was closed or opened again meanwhile.
  async open() {
    this.close();
    const mine = this.run;
    if (!navigator.mediaDevices?.getUserMedia) return NOT_SECURE;
    try {
      const wanted = {facingMode: this.facing, width: {ideal: 640}, height: {ideal: 480}};
      const opened = await navigator.mediaDevices.getUserMedia({video: wanted, audio: false});
      if (mine !== this.run) {
        for (const track of opened.getTracks()) track.stop();
        return null;
      }
      this.stream = this.video.srcObject = opened;
      opened.getVideoTracks()[0].addEventListener("ended", () => {
        if (mine === this.run) this.gone("The camera was switched off or unplugged. Start it again.");
      });
      await this.video.play();
      const devices = await navigator.mediaDevices.enumerateDevices();
      if (mine !== this.run) return null;
      this.several = devices.filter(device => device.kind === "videoinput").length > 1;
    } catch (error) {
      if (mine !== this.run) return null;
      this.close();
      return NO_CAMERA[error.name] ?? "The camera could not be started. Reload the page and try again.";
    }
    this.guard(mine);
    return "";
  }

  // It must not stay on behind another tab.
  async guard(mine) {
    while (mine === this.run) {
      if (!element.isConnected || !element.checkVisibility()) return this.gone("");
      await wait(200);
    }
  }

  turn() {
    this.facing = this.facing === "environment" ? "user" : "environment";
  }

  // What it sees now as a JPEG whose longer side has so many pixels at most.
  picture(side, quality, canvas = document.createElement("canvas")) {
    this.draw(side, canvas);
    return new Promise(done => canvas.toBlob(done, "image/jpeg", quality));
  }

  // The same as pixels.
  pixels(side, canvas) {
    return this.draw(side, canvas).getImageData(0, 0, canvas.width, canvas.height);
  }

  draw(side, canvas) {
    const {videoWidth, videoHeight} = this.video, scale = Math.min(1, side / Math.max(videoWidth, videoHeight));
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return context;
  }
}

async function askAbout(jpeg, route, query, signal) {
  const sent = {method: "POST", headers: {"Content-Type": "image/jpeg"}, body: jpeg, signal};
  const reply = await fetch(`${address(route)}?${new URLSearchParams(query)}`, sent);
  const answer = await reply.json().catch(() => ({detail: "The server does not answer. Trying again."}));
  return {status: reply.status, ...answer};
}
