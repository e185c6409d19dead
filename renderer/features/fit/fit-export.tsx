import { useStore } from 'zustand';
import type { FitDocument } from '../../../main/contract/fit.ts';
import { byNewest, type RunManifest } from '../../../main/contract/run.ts';
import { openMade } from '../../actions/open.ts';
import { Button, Icon, RequestButton } from '../../components/button.tsx';
import { ParentFolder } from '../../components/new-folder.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { exportStore, fitStore } from '../../state/model-forms.ts';
import { saveText } from '../../bridge/bridge.ts';

interface FitExportProps {
  readonly run: RunManifest;
  readonly document: FitDocument;
}

export const SavePlan = ({ run, document }: FitExportProps) => (
  <RequestButton
    look="primary"
    icon="save"
    ask={({ bridge }) => saveText(bridge, `${run.id}.json`, `${JSON.stringify(document.plan, null, 1)}\n`)}
  >
    Save the plan
  </RequestButton>
);

/** Exports the recommended model into the proposed folder or a chosen one; then what became of it. */
export const FitExport = ({ run, document }: FitExportProps) => {
  const chosen = useStore(fitStore, (state) => state.into);
  const { runs } = useFacts();
  const proposed = useQuery('export.place', {});
  const { busy, problem, start } = useRequest('here');
  const into = chosen ?? proposed.data ?? null;
  const [made] = runs.filter(({ kind, spec }) => kind === 'export' && spec['fit'] === run.id).sort(byNewest);
  const isFree = made === undefined || made.state === 'failed' || made.state === 'cancelled';
  const name = `${document.model.replaceAll(/[^A-Za-z0-9._-]/g, '-')}-${run.id}`;
  return (
    <>
      {isFree && (
        <div className="line">
          <Button
            look="primary"
            icon="save"
            disabled={busy || into === null}
            onClick={() =>
              start(async ({ bridge }) => {
                if (into === null) return;
                const started = await bridge.call('fit.export', { run: run.id, into: into.handle, name });
                exportStore.getState().showRun(started.run);
              })
            }
          >
            Export and verify
          </Button>
          <ParentFolder purpose="export" into={into} choose={(folder) => fitStore.setState({ into: folder })} />
        </div>
      )}
      {made !== undefined && <Exported made={made} />}
      {proposed.error !== null && <Problem error={proposed.error} />}
      {problem !== null && <Problem error={problem} />}
    </>
  );
};

/** An export of the recommended model: at work, or its folder with the proof. */
const Exported = ({ made }: { readonly made: RunManifest }) => {
  const { jobs } = useFacts();
  const isDone = made.state === 'done';
  const proof = useQuery('verify.read', isDone ? { run: made.id } : null);
  const showOutcome = (): void => {
    exportStore.getState().showRun(made.id);
    exportStore.getState().show(true);
  };
  return (
    <div className="line" role="status" aria-label="Export">
      {made.error !== null && <Problem error={{ message: made.error, remedy: '' }} />}
      {!isDone && made.error === null && (
        <p className="muted">{jobs.find(({ run }) => run === made.id)?.description ?? 'Waiting for its turn…'}</p>
      )}
      {proof.error !== null && <Problem error={proof.error} />}
      {proof.data !== undefined && (
        <p>
          <Icon name={proof.data.ok ? 'check' : 'warning'} size={14} />{' '}
          <strong>{proof.data.ok ? 'Exported and verified' : 'Exported, not verified'}</strong>{' '}
          <span className="path-plain">{made.output}</span>
        </p>
      )}
      {isDone && (
        <RequestButton look="quiet" icon="model" ask={(engine) => openMade(engine, made.id)}>
          Open it here
        </RequestButton>
      )}
      <Button look="quiet" icon="check" onClick={showOutcome}>
        Details of the export
      </Button>
    </div>
  );
};

export const SavePage = ({ run }: Pick<FitExportProps, 'run'>) => (
  <RequestButton
    look="quiet"
    icon="file"
    ask={async ({ bridge }) => {
      const { name, html } = await bridge.call('fit.report', { run: run.id });
      await saveText(bridge, name, html);
    }}
  >
    Save as a page
  </RequestButton>
);
