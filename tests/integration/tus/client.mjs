// Uploads a file with tus-js-client as it is published, and prints what happened as JSON.
import { createReadStream, readFileSync, statSync } from "node:fs";
import * as tus from "tus-js-client";

const job = JSON.parse(process.argv[2]);
const seen = { requests: [], offsets: [] };

const options = (more) => ({
  endpoint: job.endpoint,
  headers: { Authorization: `Bearer ${job.token}` },
  metadata: { filename: "take.wav", filetype: "audio/wav" },
  chunkSize: job.chunk_size ?? Infinity,
  retryDelays: [0, 100, 300, 1000],
  ...(job.parallel ? { parallelUploads: job.parallel } : { uploadSize: statSync(job.file).size }),
  ...(job.override ? { overridePatchMethod: true } : {}),
  ...(job.url ? { uploadUrl: job.url } : {}),
  onBeforeRequest: (request) => {
    if (job.checksum && request.getMethod() === "PATCH") request.setHeader("Upload-Checksum", job.checksum);
  },
  onAfterResponse: (request, response) => {
    seen.requests.push([request.getMethod(), response.getStatus()]);
    if (request.getMethod() === "HEAD") seen.offsets.push(Number(response.getHeader("Upload-Offset")));
  },
  ...more,
});

// Parallel uploads cut the file themselves, which takes all of it, or a file they can read at random.
const source = () => (job.parallel ? readFileSync(job.file) : createReadStream(job.file));

const run = () =>
  new Promise((resolve) => {
    const upload = new tus.Upload(
      source(),
      options({
        onProgress: (sent) => {
          if (job.cut_after && sent >= job.cut_after) upload.abort().then(() => resolve({ url: upload.url, sent }));
        },
        onSuccess: () => resolve({ url: upload.url }),
        onError: (error) =>
          resolve({ error: error.message, status: error.originalResponse?.getStatus() ?? null, url: upload.url }),
      }),
    );
    upload.start();
  });

let result;
if (job.terminate) {
  await tus.Upload.terminate(job.url, options({}));
  result = {};
} else {
  result = await run();
}
console.log(JSON.stringify({ ...result, ...seen }));
process.exit(0);
