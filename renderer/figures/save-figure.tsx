import { present } from '../../main/contract/errors.ts';
import { copyPicture } from '../components/copy-text.ts';
import { Menu } from '../components/row-menu.tsx';
import { useQuery, useRequest } from '../engine/engine-context.tsx';
import { titlesOf } from '../../main/words/task-titles.ts';
import { pngTexts, withPngTexts } from '../../main/figures/png.ts';
import type { Drawing } from '../../main/figures/svg.ts';
import { manifestFile } from '../../main/figures/figure-manifest.ts';
import type { TaskNaming } from '../../main/figures/colors.ts';
import type * as Views from '../../main/figures/views.ts';

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Makes the files of a view with the given figure functions. */
type ViewMaker = (views: typeof Views) => Views.ViewFiles;

/** A file for the bridge to save. */
export interface Download {
  readonly suggestedName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Manifest of a table, for a file beside it. */
  readonly manifest?: Uint8Array<ArrayBuffer>;
}

type PictureFormat = 'SVG' | 'PNG';
type Rasterise = (drawing: Drawing) => Promise<Uint8Array<ArrayBuffer>>;

const named = (subject: string, name: string): string => `${subject}-${name}`.replace(/[^A-Za-z0-9._-]+/g, '-');

/** The numbers of a view as a file; `subject` (its run) precedes the name used by `uncurl figures`. */
export const tableDownload = ({ table }: Views.ViewFiles, subject: string): Download => ({
  suggestedName: named(subject, table.name),
  bytes: encode(table.write()),
  manifest: encode(manifestFile(table.manifest)),
});

/** The picture of a view: the SVG, or a PNG made of it. */
export const pictureDownload = async (
  { picture }: Views.ViewFiles,
  subject: string,
  format: PictureFormat,
  rasterise: Rasterise,
  task?: TaskNaming,
): Promise<Download> => {
  if (picture === null) throw new Error('This view is only a table.');
  const { name, draw } = picture;
  const drawing = draw(task);
  return format === 'SVG'
    ? { suggestedName: named(subject, `${name}.svg`), bytes: encode(drawing.svg) }
    : { suggestedName: named(subject, `${name}.png`), bytes: await rasterise(drawing) };
};

interface SaveFigureProps {
  /** The run or model shown; the file name begins with it. */
  readonly subject: string;
  readonly view: ViewMaker;
  /** Names the picture, where a view has several. */
  readonly label?: string;
  /** False for a view that is only a table. */
  readonly hasPicture?: boolean;
}

const FORMATS: readonly PictureFormat[] = ['SVG', 'PNG'];

/** Saves a view as `uncurl figures` would, with the window's titles of tasks, and the manifest in each file. */
export const SaveFigure = ({ subject, view, label = 'Save figure', hasPicture = true }: SaveFigureProps) => {
  const { busy, start } = useRequest();
  const title = titlesOf(useQuery('tasks.list', {}).data ?? []);
  // The drawing code loads when first needed, so that the window starts without it.
  const made = async () => view(await import('../../main/figures/views.ts'));
  const pictures = hasPicture
    ? FORMATS.map((format) => ({
        label: format,
        onChoose: () =>
          start(async ({ bridge }) =>
            bridge.saveFile(await pictureDownload(await made(), subject, format, rasterise, title)),
          ),
      }))
    : [];
  const copy = {
    label: 'Copy picture',
    onChoose: () =>
      start(async () => {
        const { bytes } = await pictureDownload(await made(), subject, 'PNG', rasterise, title);
        await copyPicture(new Blob([bytes], { type: 'image/png' }));
      }),
  };
  const table = {
    label: 'CSV',
    onChoose: () => start(async ({ bridge }) => bridge.saveFile(tableDownload(await made(), subject))),
  };
  return (
    <Menu
      label={hasPicture ? label : 'Save table'}
      icon="save"
      disabled={busy}
      items={[...pictures, table, ...(hasPicture ? [copy] : [])]}
    />
  );
};

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
const rasterise = async (drawing: Drawing): Promise<Uint8Array<ArrayBuffer>> => {
  const url = URL.createObjectURL(new Blob([drawing.svg], { type: 'image/svg+xml' }));
  try {
    const picture = await loadPicture(url);
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(drawing.width * SCALE);
    canvas.height = Math.ceil(drawing.height * SCALE);
    const context = present(canvas.getContext('2d'), 'The browser provides no canvas for the figure.');
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) throw new Error('The browser could not encode the figure as PNG.');
    return withPngTexts(new Uint8Array(await blob.arrayBuffer()), pngTexts(drawing));
  } finally {
    URL.revokeObjectURL(url);
  }
};
