import { assertNever } from '../../../main/contract/errors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { openMade } from '../../actions/open.ts';
import { Button } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { finetuneStore } from '../../state/finetune-store.ts';

const stateText = ({ state }: RunManifest): string => {
  switch (state) {
    case 'queued':
      return 'It waits for the jobs before it.';
    case 'running':
      return 'It is running: the bar below tells step and loss. Cancelled, it keeps its last state and can be resumed.';
    case 'done':
      return (
        'The folder holds config, weights, tokenizer, uncurl_finetune.json and the loss of every step ' +
        '(losses.jsonl).'
      );
    case 'failed':
      return 'It failed; resuming goes on from the last state that it saved.';
    case 'cancelled':
    case 'interrupted':
      return 'It was left unfinished; resuming goes on from the last state that it saved, to the same weights.';
    default:
      return assertNever(state);
  }
};

/** What became of a fine-tuning, and how to measure it. */
export const FinetuneOutcome = ({ run }: { readonly run: RunManifest }) => {
  const { busy, start } = useRequest();
  return (
    <div className="finetune">
      {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
      <p>{stateText(run)}</p>
      {run.output !== null && <p className="path">{run.output}</p>}
      {run.state === 'done' && (
        <div className="card-actions">
          <Button
            icon="model"
            disabled={busy}
            onClick={() =>
              start(async (engine) => {
                await openMade(engine, run.id);
                finetuneStore.getState().show(false);
              })
            }
          >
            Open as model
          </Button>
        </div>
      )}
    </div>
  );
};
