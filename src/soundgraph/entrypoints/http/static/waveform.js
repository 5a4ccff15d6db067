/** Draws waveforms on canvases: bars, the part that was played in the accent colour. */

const BAR = 3;
const GAP = 2;
const POINTS = 400;

export class Waveform {
  #canvas;
  #url;
  #peaks = null;
  #played = 0;

  constructor(canvas, track) {
    this.#canvas = canvas;
    this.#url = track.address(`waveform?points=${POINTS}`);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Fetch the peaks; until they are here, the bars are dots. */
  async load() {
    const answer = await fetch(this.#url);
    if (!answer.ok) return;
    const { data } = await answer.json();
    const heights = Array.from({ length: data.length / 2 }, (_, at) => Math.max(-data[2 * at], data[2 * at + 1]));
    // Quiet pieces are drawn as tall as loud ones: the shape is what one looks for.
    const loudest = Math.max(8, ...heights);
    this.#peaks = heights.map((height) => height / loudest);
    this.draw();
  }

  /** How much was played, 0 to 1. */
  set played(part) {
    if (Math.abs(part - this.#played) * this.#canvas.clientWidth < 0.5 && part !== 0) return;
    this.#played = part;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width) return;
    const scale = window.devicePixelRatio || 1;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const style = getComputedStyle(this.#canvas);
    const paint = this.#canvas.getContext("2d");
    paint.scale(scale, scale);
    const bars = Math.floor((width + GAP) / (BAR + GAP));
    for (let bar = 0; bar < bars; bar += 1) {
      const tall = Math.max(BAR, this.#peak(bar / bars, (bar + 1) / bars) * height);
      paint.fillStyle = style.getPropertyValue((bar + 0.5) / bars <= this.#played ? "--accent" : "--bars");
      paint.beginPath();
      paint.roundRect(bar * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
      paint.fill();
    }
  }

  #peak(from, to) {
    if (!this.#peaks) return 0;
    const first = Math.floor(from * this.#peaks.length);
    const last = Math.max(first + 1, Math.floor(to * this.#peaks.length));
    return Math.max(...this.#peaks.slice(first, last));
  }
}
