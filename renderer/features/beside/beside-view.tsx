import type { BesideDocument } from '../../../main/contract/beside.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { besideLines } from '../../../main/evaluation/beside.ts';
import { Menu } from '../../components/row-menu.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { ModelMissing } from '../../plan/model-missing.tsx';
import { BesideForm } from './beside-form.tsx';
import { BesideTexts } from './beside-texts.tsx';
import './beside.css';
import { saveText } from '../../bridge/bridge.ts';
import { isAtRest } from '../../format/run-names.ts';

/** A prompt that the unpruned model and one or two plans continue next to each other, token by token. */
export const BesideView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const run = facts.runs.find(({ id }) => id === facts.selection.beside) ?? null;
  if (!isUsable(model)) return <ModelMissing />;
  return (
    <div className="view-body beside">
      <BesideForm model={model} run={run} />
      {run === null ? (
        <p className="muted">
          The unpruned model and the plan on screen continue the prompt, token by token. The first token that differs is
          marked, with the likeliest tokens of both models and the experts that are gone there.
        </p>
      ) : (
        <BesideRun key={run.id} run={run} />
      )}
    </div>
  );
};

/** The texts of a run, finished or not. */
const BesideRun = ({ run }: { readonly run: RunManifest }) => {
  const hasTexts = run.state === 'done' || !isAtRest(run);
  const { data, error } = useQuery('beside.read', hasTexts ? { run: run.id } : null);
  return (
    <section className="stack stack-wide" aria-label="Texts" aria-busy={run.state === 'running'}>
      <NotMeasuredHere provenance={data?.provenance} />
      <BesideState run={run} document={data} />
      {error !== null && <Problem error={error} />}
      {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
      {data !== undefined && <BesideTexts document={data} />}
    </section>
  );
};

const stateText = ({ state }: RunManifest, document: BesideDocument | undefined): string => {
  if (state === 'queued') return 'Waiting for its turn behind other jobs.';
  if (state === 'running') return 'Writing\u2026';
  if (state !== 'done') return `The writing was ${state === 'cancelled' ? 'cancelled' : 'not finished'}: no texts.`;
  if (document === undefined) return '';
  return `${document.model}, ${String(document.promptTokens)} tokens of prompt, at most ${String(
    document.mostNewTokens,
  )} new ones.`;
};

const BesideState = ({
  run,
  document,
}: {
  readonly run: RunManifest;
  readonly document: BesideDocument | undefined;
}) => {
  const { busy, start } = useRequest();
  const isDone = run.state === 'done' && document !== undefined;
  return (
    <div className="line beside-state">
      <p role="status" className="muted">
        {stateText(run, document)}
      </p>
      {isDone && (
        <Menu
          label="Save"
          icon="save"
          disabled={busy}
          items={[
            {
              label: 'HTML',
              onChoose: () =>
                start(async ({ bridge }) => {
                  const { name, html } = await bridge.call('beside.report', { run: run.id });
                  await saveText(bridge, name, html);
                }),
            },
            {
              label: 'JSONL',
              onChoose: () => start(({ bridge }) => saveText(bridge, `${run.id}.jsonl`, besideLines(document))),
            },
          ]}
        />
      )}
    </div>
  );
};
