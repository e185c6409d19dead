import type { Figure } from './figure.ts';
import { withPngText } from './png-text.ts';

/** Pixels per CSS pixel: sharp on paper too. */
const SCALE = 2;

const loadPicture = (url: string): Promise<HTMLImageElement> =>
  new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error('The browser could not draw the figure.'));
    picture.src = url;
  });

/** The figure as PNG, its manifest in a text chunk. */
export const rasterise = async (figure: Figure): Promise<Uint8Array<ArrayBuffer>> => {
  const url = URL.createObjectURL(new Blob([figure.svg], { type: 'image/svg+xml' }));
  try {
    const picture = await loadPicture(url);
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(figure.width * SCALE);
    canvas.height = Math.ceil(figure.height * SCALE);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('The browser gives no canvas to draw the figure on.');
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) throw new Error('The browser could not encode the figure as PNG.');
    return withPngText(new Uint8Array(await blob.arrayBuffer()), 'uncurl-manifest', JSON.stringify(figure.manifest));
  } finally {
    URL.revokeObjectURL(url);
  }
};
