// Pictures among the reader's files: decoded by the browser, and handed on as the array of height × width × 3 bytes that numpy would save.

/** Pixels of the longer side, so that an array stays within the 8 million numbers that are read. */
const LONGEST = 1500;

/** The file itself, or if it is a picture, a file of the same name and `.npy` with its pixels. */
export async function asArray(file) {
  if (!/\.(png|jpe?g|webp|gif|bmp|avif)$/i.test(file.name)) return file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name}: the browser cannot read this picture; png and jpg are read`);
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // What shows through is white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let k = 0; k < width * height; k++) pixels.set(data.subarray(4 * k, 4 * k + 3), 3 * k);
  return new File([header(height, width), pixels], `${file.name}.npy`);
}

/** The head of an npy file of unsigned bytes, padded so that the data start at a multiple of 64. */
function header(height, width) {
  const words = `{'descr': '|u1', 'fortran_order': False, 'shape': (${height}, ${width}, 3), }`;
  const padded = words.padEnd(Math.ceil((words.length + 11) / 64) * 64 - 11) + "\n";
  const length = padded.length;
  return new Uint8Array([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, length & 255, length >> 8, ...new TextEncoder().encode(padded)]);
}
