import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { FitDocument } from '../../../main/contract/fit.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { fitFigure } from '../../../main/figures/fit-chart.ts';
import { fitColumns, fitRows } from '../../../main/figures/fit-table.ts';
import { canaryWords } from '../../../main/evaluation/canaries.ts';
import { forecastWords } from '../../../main/evaluation/written-forecast.ts';
import { candidateNamed, elsewhereWords, fitNotes, fitSentence, givenUp } from '../../../main/words/fit.ts';
import { importText } from '../../actions/plan.ts';
import { LegendedChart } from '../../charts/chart-panels.tsx';
import { Button } from '../../components/button.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { ParentFolder } from '../../components/new-folder.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { useFacts } from '../../engine/facts.ts';
import { exportStore } from '../../state/export-store.ts';
import { fitStore } from '../../state/fit-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';

const stateTexts: Readonly<Record<RunManifest['state'], string>> = {
  queued: 'Waiting for its turn behind other jobs.',
  running: 'At work: the curve grows with every candidate that is scored.',
  done: '',
  failed: 'The search failed.',
  cancelled: 'The search was cancelled.',
  interrupted: 'The search was interrupted: resume it in the list of runs.',
};

/** What a search found so far, or its answer. */
export const FitAnswer = ({ run }: { readonly run: RunManifest }) => {
  const isAtWork = run.state === 'running' || run.state === 'queued';
  const { data, error } = useQuery('fit.read', { run: run.id });
  const document = useLasting(data, run.id);
  const { start } = useRequest();
  // A search that has scored nothing yet has no result.
  const isEmpty = error?.code === 'no-fit';
  return (
    <section className="fit-answer" aria-label="Answer" aria-busy={isAtWork}>
      <NotMeasuredHere provenance={data?.provenance} />
      <div className="fit-head">
        <p role="status" className={document?.recommended == null ? 'muted' : 'fit-sentence'}>
          {document === undefined ? stateTexts[run.state] : fitSentence(document)}
        </p>
        {isAtWork && (
          <Button icon="stop" onClick={() => start(({ bridge }) => bridge.call('fit.stop', { run: run.id }))}>
            Stop with the best so far
          </Button>
        )}
      </div>
      {isAtWork && document !== undefined && <p className="muted">{stateTexts[run.state]}</p>}
      {error !== null && !isEmpty && <Problem error={error} />}
      {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
      {document !== undefined && (
        <>
          {run.state === 'done' && document.plan !== null && <FitExport run={run} document={document} />}
          <FitPicture document={document} />
          <FitDetails document={document} />
        </>
      )}
    </section>
  );
};

const FitPicture = ({ document }: { readonly document: FitDocument }) => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const look = useMemo(() => figureTheme(theme, titlesOf(tasks)), [tasks, theme]);
  const figure = useMemo(() => fitFigure(document, look), [document, look]);
  if (figure === null) return null;
  return (
    <>
      <LegendedChart figure={figure} theme={look} label={figure.title} height={236} />
      <p className="chart-caption">{figure.caption}</p>
    </>
  );
};

const FitDetails = ({ document }: { readonly document: FitDocument }) => {
  const rows = fitRows(document);
  const foretold = forecastWords(document);
  const canaries = canaryWords(document);
  return (
    <>
      {document.recommended !== null && <p>{givenUp(document)}</p>}
      {document.elsewhere.length > 0 && (
        <ul className="findings" aria-label="On other tasks">
          {elsewhereWords(document).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      {foretold.length > 0 && (
        <ul className="findings" aria-label="Forecast of written answers">
          {foretold.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      {canaries.length > 0 && (
        <ul className="findings" aria-label="Canaries">
          {canaries.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <Disclosure summary={`Every candidate (${String(rows.length)})`}>
        <DataTable
          caption="Candidates of the search"
          columns={shownColumns(pick(fitColumns, 'part model bytes memory items loss test'), rows)}
          rows={rows}
          rowKey={({ candidate }) => candidate.name}
        />
      </Disclosure>
      <Disclosure summary="How it was found">
        <ul className="findings">
          {fitNotes(document).map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </Disclosure>
    </>
  );
};

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Exports the recommended model, or saves its plan, and saves the page. */
const FitExport = ({ run, document }: { readonly run: RunManifest; readonly document: FitDocument }) => {
  const facts = useFacts();
  const { into, chooseInto } = useStore(fitStore);
  const { busy, problem, start } = useRequest('here');
  const prunes = document.recommended !== null && candidateNamed(document, document.recommended).method !== null;
  const isPlan = document.settings.format === 'plan';
  const name = `${document.model.replaceAll(/[^A-Za-z0-9._-]/g, '-')}-${run.id}`;
  return (
    <>
      <div className="fit-export">
        {isPlan ? (
          <Button
            look="primary"
            icon="save"
            disabled={busy}
            onClick={() =>
              start(({ bridge }) =>
                bridge.saveFile({
                  suggestedName: `${run.id}.json`,
                  bytes: encode(`${JSON.stringify(document.plan, null, 1)}\n`),
                }),
              )
            }
          >
            Save the plan
          </Button>
        ) : (
          <>
            <ParentFolder purpose="export" into={into} choose={chooseInto} />
            <Button
              look="primary"
              icon="save"
              disabled={busy || into === null}
              onClick={() =>
                start(async ({ bridge, cache }) => {
                  if (into === null) return;
                  const started = await bridge.call('fit.export', { run: run.id, into: into.handle, name });
                  cache.invalidate(listsRuns);
                  exportStore.getState().showRun(started.run);
                  exportStore.getState().show(true);
                })
              }
            >
              Export and verify
            </Button>
          </>
        )}
        {prunes && (
          <Button
            icon="eye"
            disabled={busy}
            onClick={() =>
              start((engine) =>
                importText(engine, facts, { name: `${run.id}.json`, text: JSON.stringify(document.plan) }),
              )
            }
          >
            Show its plan on the map
          </Button>
        )}
        <Button
          icon="file"
          disabled={busy}
          onClick={() =>
            start(async ({ bridge }) => {
              const page = await bridge.call('fit.report', { run: run.id });
              await bridge.saveFile({ suggestedName: page.name, bytes: encode(page.html) });
            })
          }
        >
          Save as a page
        </Button>
      </div>
      {problem !== null && <Problem error={problem} />}
    </>
  );
};
