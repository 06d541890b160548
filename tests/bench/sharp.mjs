// One tool of the benchmark, sharp at its best: a picture is decoded once. node sharp.mjs FORMATS UPLOAD FOLDER QUALITY

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const sharp = createRequire(process.env.SHARP + "/")("sharp");
sharp.concurrency(1);
sharp.cache(false);

const [formats, upload, folder, quality] = process.argv.slice(2);
const data = readFileSync(upload);
const encoders = {
  jpeg: (picture) => picture.jpeg({ quality: Number(quality || 80), progressive: true }),
  avif: (picture) => picture.avif({ quality: 63, effort: 0 }),
};

async function raw(picture, side) {
  const fitted = picture.resize(side, side, { fit: "inside", withoutEnlargement: true });
  const { data, info } = await fitted.raw().toBuffer({ resolveWithObject: true });
  return () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } });
}

async function compress() {
  const display = await raw(sharp(data).rotate(), 1600);
  const thumb = await raw(display(), 320);
  const variants = {};
  for (const [name, picture] of Object.entries({ display, thumb }))
    for (const format of formats.split(","))
      variants[`${name}.${format}`] = await encoders[format](picture()).toBuffer();
  return variants;
}

function peakBytes() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

const times = [];
for (let run = 0; run < 4; run++) {
  const before = process.cpuUsage();
  const variants = await compress();
  const used = process.cpuUsage(before);
  times.push((used.user + used.system) / 1e6);
  for (const [name, data] of Object.entries(variants)) writeFileSync(`${folder}/${name}`, data);
}
console.log(JSON.stringify({ cpu_s: Math.min(...times.slice(1)), peak_bytes: peakBytes() }));
