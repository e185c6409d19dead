import { exportFormat } from '../../../main/contract/export.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { copyText } from '../../components/copy-text.ts';
import { openMade } from '../../actions/open.ts';
import { Button } from '../../components/button.tsx';
import type { Engine } from '../../engine/engine-context.tsx';
import { useEngine, useRequest } from '../../engine/engine-context.tsx';
import { exportStore } from '../../state/export-store.ts';

const openAsModel = async (engine: Engine, run: string): Promise<void> => {
  await openMade(engine, run);
  exportStore.getState().show(false);
};

/** Whether the export can be opened here; onnx is for other programs. */
const isModel = ({ spec }: RunManifest): boolean =>
  exportFormat.options.some((format) => format === spec['format'] && format !== 'onnx');

/** Next steps with an export. */
export const ExportEnds = ({ run, path }: { readonly run: RunManifest; readonly path: string }) => {
  const { shell } = useEngine().bridge;
  const { busy, start } = useRequest();
  if (run.kind !== 'export' || run.state !== 'done') return null;
  return (
    <div className="export-ends">
      {/* A browser cannot show local folders; there the path can be copied. */}
      {shell !== null && (
        <Button icon="folder" disabled={busy} onClick={() => start(() => shell.showOutput(run.id))}>
          Open folder
        </Button>
      )}
      <Button onClick={() => start(() => copyText('The path', path))}>Copy path</Button>
      {isModel(run) && (
        <Button icon="model" disabled={busy} onClick={() => start((engine) => openAsModel(engine, run.id))}>
          Open as model
        </Button>
      )}
    </div>
  );
};
