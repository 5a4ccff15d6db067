/** Plays one track at a time, and reports a play once enough of it was heard. */

import { clock } from "./clock.js";

const HEARD_SECONDS = 30;
// Between two reports of the position a playing element moves less than this; a seek moves more.
const LONGEST_TICK_SECONDS = 1.5;

export class Player {
  #audio = new Audio();
  #tracks = [];
  #current = null;
  #wanted = 0;
  #heard = 0;
  #last = 0;
  #reported = false;
  #bar;
  #said;

  constructor(bar, said) {
    this.#bar = bar;
    this.#said = said;
    this.#audio.preload = "auto";
    this.#audio.addEventListener("timeupdate", () => this.#tick());
    this.#audio.addEventListener("play", () => this.#mark(true));
    this.#audio.addEventListener("pause", () => this.#mark(false));
    this.#audio.addEventListener("ended", () => this.#next());
    this.#audio.addEventListener("loadedmetadata", () => this.#land());
    this.#audio.addEventListener("error", () => this.#say(`${this.#current.title} cannot be played right now.`));
    bar.querySelector(".play").addEventListener("click", () => this.#current && this.toggle(this.#current));
  }

  get current() { return this.#current; }

  add(track) { this.#tracks.push(track); }

  /** Play a track, or pause it if it plays. */
  async toggle(track) {
    if (this.#current !== track && !(await this.#take(track, 0))) return;
    if (this.#audio.paused) this.#play();
    else this.#audio.pause();
  }

  /** Move within a track, in milliseconds; a track that is not the current one starts to play there. */
  async seek(track, position) {
    if (this.#current !== track) {
      if (await this.#take(track, position)) this.#play();
      return;
    }
    if (this.#audio.readyState === 0) {
      this.#wanted = position;
    } else {
      this.#audio.currentTime = position / 1000;
    }
    this.#show(position);
  }

  /** Make it the current one. False if another was chosen meanwhile, or if nothing of it can be heard. */
  async #take(track, position) {
    this.#audio.removeAttribute("src");
    this.#audio.load();
    this.#current?.mark(false);
    this.#current?.show(0);
    this.#current?.element.removeAttribute("aria-current");
    this.#current = track;
    [this.#wanted, this.#heard, this.#last, this.#reported] = [position, 0, position / 1000, false];
    track.element.setAttribute("aria-current", "true");
    this.#bar.hidden = false;
    const title = this.#bar.querySelector(".bar-title");
    title.textContent = track.title;
    title.href = track.link;
    this.#bar.querySelector(".bar-by").textContent = track.by;
    this.#show(position);
    const source = await track.source();
    if (this.#current !== track) return false;
    if (!source) {
      this.#say(`${track.title} cannot be played right now.`);
      return false;
    }
    this.#audio.src = source;
    return true;
  }

  async #play() {
    const track = this.#current;
    try {
      await this.#audio.play();
      this.#say(`Playing ${track.title} by ${track.by}`);
    } catch (error) {
      // A pause or another track that came first is no failure; anything else is told by the error event.
      if (error.name === "NotAllowedError") this.#say("The browser wants a click before it plays sound.");
    }
  }

  #land() {
    if (this.#wanted) this.#audio.currentTime = this.#wanted / 1000;
    this.#wanted = 0;
  }

  #tick() {
    if (this.#wanted) return;
    const at = this.#audio.currentTime;
    const moved = at - this.#last;
    this.#last = at;
    if (moved > 0 && moved < LONGEST_TICK_SECONDS) this.#heard += moved;
    this.#show(Math.min(at * 1000, this.#current.duration));
    if (this.#current.access === "playable" && !this.#reported && this.#heard >= Math.min(this.#current.duration / 2000, HEARD_SECONDS)) this.#report(at);
  }

  #report(at) {
    this.#reported = true;
    const position = Math.min(this.#current.duration, Math.ceil(Math.max(at, this.#heard) * 1000));
    fetch(this.#current.address("plays"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ position_ms: position, context: `page:${location.pathname}`.slice(0, 200) }),
      keepalive: true,
    });
  }

  #next() {
    const next = this.#tracks[this.#tracks.indexOf(this.#current) + 1];
    if (next) this.toggle(next);
    else this.#show(0);
  }

  #show(position) {
    this.#current.show(position);
    this.#bar.querySelector(".bar-clock").textContent = `${clock(position)} / ${clock(this.#current.duration)}`;
    this.#bar.querySelector(".bar-line").style.setProperty("--part", position / this.#current.duration);
  }

  #mark(playing) {
    this.#current.mark(playing);
    this.#bar.classList.toggle("playing", playing);
    const verb = playing ? "Pause" : "Play";
    this.#bar.querySelector(".play").setAttribute("aria-label", `${verb} ${this.#current.title}`);
  }

  #say(text) { this.#said.textContent = text; }
}
