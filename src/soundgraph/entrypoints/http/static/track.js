/** One track on the page: its button, waveform, slider and clock. */

import { clock } from "./clock.js";
import { Waveform } from "./waveform.js";

const STEP_MS = 5000;

export class Track {
  #element;
  #button;
  #slider;
  #now;
  #waveform;

  constructor(element, player) {
    this.#element = element;
    this.#button = element.querySelector(".play");
    this.#slider = element.querySelector("input");
    this.#now = element.querySelector(".now");
    this.#waveform = new Waveform(element.querySelector("canvas"), this.id);
    this.#button.addEventListener("click", () => player.toggle(this));
    this.#slider.addEventListener("input", () => player.seek(this, Number(this.#slider.value)));
    this.#slider.addEventListener("keydown", (event) => this.#key(event, player));
  }

  get id() { return this.#element.dataset.id; }
  get title() { return this.#element.dataset.title; }
  get by() { return this.#element.dataset.by; }
  get link() { return this.#element.dataset.link; }
  get duration() { return Number(this.#element.dataset.duration); }
  get element() { return this.#element; }

  load() { return this.#waveform.load(); }
  redraw() { this.#waveform.draw(); }

  /** Show where it is, in milliseconds. */
  show(position) {
    this.#slider.value = position;
    this.#slider.setAttribute("aria-valuetext", `${clock(position)} of ${clock(this.duration)}`);
    this.#now.textContent = clock(position);
    this.#waveform.played = position / this.duration;
  }

  /** Show whether it plays. */
  mark(playing) {
    this.#element.classList.toggle("playing", playing);
    this.#button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${this.title} by ${this.by}`);
  }

  #key(event, player) {
    const steps = { ArrowLeft: -STEP_MS, ArrowDown: -STEP_MS, ArrowRight: STEP_MS, ArrowUp: STEP_MS };
    if (event.key === " " || event.key === "Enter") {
      player.toggle(this);
    } else if (event.key in steps) {
      const wanted = Number(this.#slider.value) + steps[event.key];
      player.seek(this, Math.min(this.duration, Math.max(0, wanted)));
    } else {
      return;
    }
    event.preventDefault();
  }
}
