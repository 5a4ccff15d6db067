/** One track on the page: its button, waveform, slider and clock. */

import { clock } from "./clock.js";
import { Waveform } from "./waveform.js";

const STEP_MS = 5000;
const PREVIEW_MS = 30000;

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
    this.#slider.max = this.duration;
    this.#slider.disabled = this.access === "blocked";
    this.#waveform = new Waveform(element.querySelector("canvas"), this);
    this.#button.addEventListener("click", () => player.toggle(this));
    this.#slider.addEventListener("input", () => player.seek(this, Number(this.#slider.value)));
    this.#slider.addEventListener("keydown", (event) => this.#key(event, player));
  }

  get id() { return this.#element.dataset.id; }
  get title() { return this.#element.dataset.title; }
  get by() { return this.#element.dataset.by; }
  get link() { return this.#element.dataset.link; }
  get access() { return this.#element.dataset.access; }
  /** How long what plays here is, in milliseconds. */
  get duration() {
    const whole = Number(this.#element.dataset.duration);
    return this.access === "preview" ? Math.min(whole, PREVIEW_MS) : whole;
  }
  get element() { return this.#element; }

  /** Where the API has something of this track, by the secret link that opened the page, if one did. */
  address(name) {
    const { query } = this.#element.dataset;
    return `/api/v1/tracks/${this.id}/${name}${query && (name.includes("?") ? "&" : "?") + query}`;
  }

  /** Where its sound is: all of it, or what those hear who may not have more. */
  async source() {
    if (this.access === "playable") return this.address("stream");
    const answer = await fetch(this.address("streams"));
    return answer.ok ? (await answer.json()).preview_mp3_url : null;
  }

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
