import { pngTexts, withPngTexts } from '../../main/figures/png.ts';
import type { Drawing } from '../../main/figures/svg.ts';

/** Pixels per CSS pixel: high enough for print. */
const SCALE = 2;

const loadPicture = (url: string): Promise<HTMLImageElement> =>
  new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error('The browser could not draw the figure.'));
    picture.src = url;
  });

/** The drawing as PNG, with title, description and manifest in text chunks, as in `uncurl figures`. */
export const rasterise = async (drawing: Drawing): Promise<Uint8Array<ArrayBuffer>> => {
  const url = URL.createObjectURL(new Blob([drawing.svg], { type: 'image/svg+xml' }));
  try {
    const picture = await loadPicture(url);
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(drawing.width * SCALE);
    canvas.height = Math.ceil(drawing.height * SCALE);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('The browser provides no canvas for the figure.');
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) throw new Error('The browser could not encode the figure as PNG.');
    return withPngTexts(new Uint8Array(await blob.arrayBuffer()), pngTexts(drawing));
  } finally {
    URL.revokeObjectURL(url);
  }
};
