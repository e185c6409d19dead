import { copyPicture } from '../components/copy-text.ts';
import { Menu } from '../components/menu.tsx';
import { useQuery, useRequest } from '../engine/engine-context.tsx';
import { titlesOf } from '../format/task-titles.ts';
import { rasterise } from './rasterise.ts';
import { pictureDownload, type PictureFormat, tableDownload, type ViewMaker } from './view-downloads.ts';

interface SaveFigureProps {
  /** The run or model shown; the file name begins with it. */
  readonly subject: string;
  readonly view: ViewMaker;
  /** False for a view that is only a table. */
  readonly hasPicture?: boolean;
}

const FORMATS: readonly PictureFormat[] = ['SVG', 'PNG'];

/** Saves a view as `uncurl figures` would, with the window's titles of tasks, and the manifest in each file. */
export const SaveFigure = ({ subject, view, hasPicture = true }: SaveFigureProps) => {
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
      label={hasPicture ? 'Save figure' : 'Save table'}
      icon="save"
      disabled={busy}
      items={[...pictures, table, ...(hasPicture ? [copy] : [])]}
    />
  );
};
