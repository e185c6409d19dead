import { exportFormat } from '../../../main/contract/export.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { takeModel } from '../../actions/open.ts';
import { Button } from '../../components/button.tsx';
import type { Engine } from '../../engine/engine-context.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { exportStore } from '../../state/export-store.ts';
import { noticesStore } from '../../state/notices-store.ts';

const openAsModel = async ({ bridge, cache }: Engine, run: string): Promise<void> => {
  takeModel(cache, await bridge.call('models.openMade', { run }));
  exportStore.getState().show(false);
};

/** Whether the export is a folder that opens here: onnx and gguf are for other programs. */
const isModelFolder = ({ spec }: RunManifest): boolean =>
  exportFormat.options.some((format) => format === spec['format'] && format !== 'onnx' && format !== 'gguf');

/** What one does with an export next. */
export const ExportEnds = ({ run, path }: { readonly run: RunManifest; readonly path: string }) => {
  const { busy, start } = useRequest();
  if (run.kind !== 'export' || run.state !== 'done') return null;
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
      {isModelFolder(run) && (
        <Button icon="model" disabled={busy} onClick={() => start((engine) => openAsModel(engine, run.id))}>
          Open as model
        </Button>
      )}
    </div>
  );
};
