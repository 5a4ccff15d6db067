/** Brings the server-rendered tracks to life. */

import { Player } from "./player.js";
import { Track } from "./track.js";

const player = new Player(document.querySelector(".bar"), document.querySelector(".said"));
const tracks = new Map();

// Waveforms are fetched when they come near the window.
const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      tracks.get(target).load();
    }
  },
  { rootMargin: "300px" },
);

for (const element of document.querySelectorAll(".track")) {
  const track = new Track(element, player);
  tracks.set(element, track);
  player.add(track);
  near.observe(element);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const track of tracks.values()) track.redraw();
});

// Space plays and pauses from anywhere that has no use for it itself.
document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("a, button, input, pre");
  if (event.key !== " " || busy || !player.current) return;
  event.preventDefault();
  player.toggle(player.current);
});
