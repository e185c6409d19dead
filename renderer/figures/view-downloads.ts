import { manifestFile } from '../../main/figures/figure-manifest.ts';
import type { TaskNaming } from '../../main/figures/colors.ts';
import type { Drawing } from '../../main/figures/svg.ts';
import type * as Views from '../../main/figures/views.ts';

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Makes the files of a view with the given figure functions. */
export type ViewMaker = (views: typeof Views) => Views.ViewFiles;

/** A file for the bridge to save. */
export interface Download {
  readonly suggestedName: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Manifest of a table, for a file beside it. */
  readonly manifest?: Uint8Array<ArrayBuffer>;
}

export type PictureFormat = 'SVG' | 'PNG';
export type Rasterise = (drawing: Drawing) => Promise<Uint8Array<ArrayBuffer>>;

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
