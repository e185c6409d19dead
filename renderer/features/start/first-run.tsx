import { ActionButton } from '../../actions/action-button.tsx';
import { findModel } from '../../actions/open.ts';
import { connectElsewhere } from '../../actions/remote.ts';
import { addSampleSweep } from '../../actions/runs.ts';
import { Button } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { layoutStore } from '../../state/layout-store.ts';
import './first-run.css';

/** In a workspace without runs: four ways to begin, one of which needs nothing. */
export const FirstRun = () => {
  const runs = useQuery('runs.list', {}).data;
  const { busy, problem, start } = useRequest('here');
  if (runs?.length !== 0) return null;
  return (
    <section className="first-run" aria-label="Ways to begin">
      <ul>
        <li>
          <Button look="primary" disabled={busy} onClick={() => start(addSampleSweep)}>
            {busy ? 'Opening the sample…' : 'Open the sample'}
          </Button>
          <p>A finished sweep of small models: how far each can be pruned, with its curves and maps.</p>
        </li>
        <li>
          <ActionButton action={findModel}>Open a model…</ActionButton>
          <p>A folder, a GGUF file or a name on the Hub. Then profile tasks and start a sweep.</p>
        </li>
        <li>
          <Button onClick={() => layoutStore.getState().show('fit')}>Fit a model to a size</Button>
          <p>Name the bytes that you have: the search prunes and rounds until the model fits.</p>
        </li>
        <li>
          <ActionButton action={connectElsewhere}>Connect to a machine…</ActionButton>
          <p>The workbench of a machine with a card, through your own ssh. Its runs outlive this window.</p>
        </li>
      </ul>
      {problem !== null && <Problem error={problem} />}
    </section>
  );
};
