import { useStore } from 'zustand';
import { Dialog } from '../../components/dialog.tsx';
import { useFacts } from '../../engine/facts.ts';
import { shownRunName } from '../../format/run-names.ts';
import { finetuneStore } from '../../state/model-forms.ts';
import { FinetuneForm } from './finetune-form.tsx';
import './finetune.css';
import { assertNever } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { Problem } from '../../components/problem.tsx';
import { OpenMade } from '../../actions/action-button.tsx';

/** Settings of a new fine-tuning, or the outcome of an earlier one. */
export const FinetuneDialog = () => {
  const { open, run, show } = useStore(finetuneStore);
  const { runs, tasks } = useFacts();
  if (!open) return null;
  const shown = run === null ? undefined : runs.find(({ id }) => id === run);
  return (
    <Dialog title={shown === undefined ? 'Fine-tune' : shownRunName(shown, tasks)} wide onClose={() => show(false)}>
      {shown === undefined ? <FinetuneForm /> : <FinetuneOutcome run={shown} />}
    </Dialog>
  );
};

const stateText = ({ state }: RunManifest): string => {
  switch (state) {
    case 'queued':
      return 'Waiting for earlier jobs.';
    case 'running':
      return 'Running: the jobs bar shows step and loss. If cancelled, it keeps its last saved state for resuming.';
    case 'done':
      return (
        'The folder contains config, weights, tokenizer, uncurl_finetune.json and the loss of every step ' +
        '(losses.jsonl).'
      );
    case 'failed':
      return 'Failed; resuming continues from the last saved state.';
    case 'cancelled':
    case 'interrupted':
      return 'Unfinished; resuming continues from the last saved state and gives the same weights.';
    default:
      return assertNever(state);
  }
};

/** The outcome of a fine-tuning, and a button to open the tuned model. */
const FinetuneOutcome = ({ run }: { readonly run: RunManifest }) => (
  <div className="dialog-body">
    {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
    <p>{stateText(run)}</p>
    {run.output !== null && <p className="path">{run.output}</p>}
    {run.state === 'done' && (
      <div className="card-actions">
        <OpenMade run={run.id} close={() => finetuneStore.getState().show(false)}>
          Open as model
        </OpenMade>
      </div>
    )}
  </div>
);
