import { useStore } from 'zustand';
import { WorkbenchError } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { takeModel } from '../../actions/open.ts';
import { Button } from '../../components/button.tsx';
import type { Engine } from '../../engine/engine-context.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { exportStore } from '../../state/export-store.ts';
import type { ChosenFolder } from '../../state/export-store.ts';
import { noticesStore } from '../../state/notices-store.ts';

/** Name of the folder of a path, where it lies in another; null where it does not. */
const nameIn = (folder: ChosenFolder | null, path: string): string | null => {
  if (folder === null) return null;
  const rest = path.startsWith(folder.path) ? path.slice(folder.path.length).replace(/^[/\\]/, '') : '';
  return rest === '' || /[/\\]/.test(rest) ? null : rest;
};

const openAsModel = async ({ bridge, cache }: Engine, into: ChosenFolder, name: string): Promise<void> => {
  const { entries } = await bridge.call('folders.list', { handle: into.handle });
  const entry = entries.find((known) => known.name === name);
  if (entry === undefined) {
    throw new WorkbenchError(
      'export-gone',
      'refused',
      `${into.path} holds no ${name} any more.`,
      'Open it where it lies now.',
    );
  }
  takeModel(cache, await bridge.call('models.open', { handle: entry.handle }));
  exportStore.getState().show(false);
};

/** What one does with an export next. A model can be opened from here while the folder that it went into is known. */
export const ExportEnds = ({ run, path }: { readonly run: RunManifest; readonly path: string }) => {
  const into = useStore(exportStore, (state) => state.into);
  const { busy, start } = useRequest();
  if (run.kind !== 'export' || run.state !== 'done') return null;
  const name = nameIn(into, path);
  return (
    <div className="export-ends">
      <Button
        onClick={() =>
          start(async () => {
            await navigator.clipboard.writeText(path);
            noticesStore.getState().tell('The path is in the clipboard.', path);
          })
        }
      >
        Copy path
      </Button>
      {into !== null && name !== null && (
        <Button icon="model" disabled={busy} onClick={() => start((engine) => openAsModel(engine, into, name))}>
          Open as model
        </Button>
      )}
    </div>
  );
};
