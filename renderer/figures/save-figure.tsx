import { Menu } from '../components/menu.tsx';
import { useRequest } from '../engine/engine-context.tsx';
import { rasterise } from './rasterise.ts';
import { pictureDownload, type PictureFormat, tableDownload, type ViewMaker } from './view-downloads.ts';

interface SaveFigureProps {
  /** What the view shows, of which run or model: the name of the file begins with it. */
  readonly subject: string;
  readonly view: ViewMaker;
  /** False for a view that is a table only. */
  readonly hasPicture?: boolean;
}

const FORMATS: readonly PictureFormat[] = ['SVG', 'PNG'];

/** Saves what a view shows, as `uncurl figures` would write it; the manifest travels inside every file. */
export const SaveFigure = ({ subject, view, hasPicture = true }: SaveFigureProps) => {
  const { busy, start } = useRequest();
  // What draws is fetched when it is first asked for: the window starts without it.
  const made = async () => view(await import('../../main/figures/views.ts'));
  const pictures = hasPicture
    ? FORMATS.map((format) => ({
        label: format,
        onChoose: () =>
          start(async ({ bridge }) => bridge.saveFile(await pictureDownload(await made(), subject, format, rasterise))),
      }))
    : [];
  const table = {
    label: 'CSV',
    onChoose: () => start(async ({ bridge }) => bridge.saveFile(tableDownload(await made(), subject))),
  };
  return <Menu label="Save figure" icon="save" disabled={busy} items={[...pictures, table]} />;
};
