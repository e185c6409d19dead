import { useMemo, useState } from 'react';
import { useStore } from 'zustand';
import type { FitDocument } from '../../../main/contract/fit.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { fitFigure } from '../../../main/figures/fit-chart.ts';
import { fitColumns, type FitRow, fitRows } from '../../../main/figures/fit-table.ts';
import { canaryWords } from '../../../main/evaluation/canaries.ts';
import { forecastWords } from '../../../main/evaluation/written-forecast.ts';
import {
  candidateWords,
  elsewhereWords,
  fitNotes,
  fitsAsItIs,
  fitSentence,
  givenUp,
  lossWords,
  sizeWords,
} from '../../../main/words/fit.ts';
import { importText } from '../../actions/plan.ts';
import { LegendedChart } from '../../charts/chart-panels.tsx';
import { Button, RequestButton } from '../../components/button.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Disclosure, Sentences } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { selectedModel, useFacts } from '../../engine/facts.ts';
import { fitStore } from '../../state/model-forms.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { nameInRun } from '../../sweep/brought.ts';
import { shownSweep } from '../../sweep/shown-sweep.ts';
import { FitExport, SavePage, SavePlan } from './fit-export.tsx';
import { isAtRest } from '../../format/run-names.ts';

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
  const isAtWork = !isAtRest(run);
  const { data, error } = useQuery('fit.read', { run: run.id });
  const document = useLasting(data, run.id);
  const asking = useStore(fitStore, (state) => state.asking);
  // A search that has scored nothing yet has no result.
  const isEmpty = error?.code === 'no-fit';
  const isDone = run.state === 'done' && document !== undefined && document.plan !== null;
  const asItIs = isDone ? fitsAsItIs(document, run.models[0]?.path ?? '') : null;
  return (
    <section className="stack stack-wide" aria-label="Answer" aria-busy={isAtWork}>
      {!isAtWork && <NotMeasuredHere provenance={data?.provenance} />}
      <p role="status" className={document?.recommended == null ? 'muted' : 'fit-sentence'}>
        {document === undefined ? stateTexts[run.state] : fitSentence(document)}
      </p>
      {error !== null && !isEmpty && <Problem error={error} />}
      {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
      {asItIs !== null && <p>{asItIs}</p>}
      {isDone && document.settings.format !== 'plan' && asItIs === null && <FitExport run={run} document={document} />}
      <div className="line">
        {isAtWork && (
          <>
            <RequestButton icon="stop" ask={({ bridge }) => bridge.call('fit.stop', { run: run.id })}>
              Stop with the best so far
            </RequestButton>
            {document !== undefined && <span className="muted">{stateTexts[run.state]}</span>}
          </>
        )}
        {isDone && (
          <>
            {document.settings.format === 'plan' && <SavePlan run={run} document={document} />}
            <PlanOnMap run={run} document={document} name={document.recommended ?? ''} />
            <OnFrontier />
            <SavePage run={run} />
          </>
        )}
        {!isAtWork && (
          <Button
            look="quiet"
            icon="search"
            aria-expanded={asking}
            onClick={() => fitStore.setState({ asking: !asking })}
          >
            Another search
          </Button>
        )}
      </div>
      {document !== undefined && (
        <>
          <FitPicture run={run} document={document} />
          <FitDetails run={run} document={document} />
        </>
      )}
    </section>
  );
};

interface FitPartProps {
  readonly run: RunManifest;
  readonly document: FitDocument;
}

/** Whether the search keeps the plan of a candidate, and the candidate prunes. */
const hasPlan = ({ recommended, finalists, choiceHash, candidates }: FitDocument, name: string): boolean =>
  (name === recommended || (choiceHash !== null && finalists.includes(name))) &&
  candidates.some((candidate) => candidate.name === name && candidate.method !== null);

/** Shows the plan of a candidate by name in the workbench. */
const usePlanOnMap = (run: RunManifest) => {
  const facts = useFacts();
  const { busy, start } = useRequest();
  const showPlan = (name: string): void =>
    start(async (engine) => {
      const { plan } = await engine.bridge.call('fit.plan', { run: run.id, name });
      await importText(engine, facts, { name: `${run.id}.json`, text: JSON.stringify(plan) });
    });
  return { busy, showPlan };
};

/** Shows the plan of a candidate in the workbench; nothing where there is none. */
const PlanOnMap = ({ run, document, name }: FitPartProps & { readonly name: string }) => {
  const { busy, showPlan } = usePlanOnMap(run);
  if (!hasPlan(document, name)) return null;
  return (
    <Button look="quiet" icon="eye" disabled={busy} onClick={() => showPlan(name)}>
      Show its plan on the map
    </Button>
  );
};

/** Shows the pruned and rounded models that a sweep measured, by their bytes; nothing where no sweep measured the model. */
const OnFrontier = () => {
  const facts = useFacts();
  const sweep = shownSweep(facts);
  if (sweep === null || nameInRun(sweep, selectedModel(facts)) === null) return null;
  return (
    <Button
      look="quiet"
      icon="chart"
      onClick={() => {
        curvesStore.setState({ mode: 'frontier' });
        layoutStore.getState().show('workbench');
      }}
    >
      Frontier of the sweep
    </Button>
  );
};

const FitPicture = ({ run, document }: FitPartProps) => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const [chosen, choose] = useState<string | null>(null);
  const look = useMemo(() => figureTheme(theme, titlesOf(tasks)), [tasks, theme]);
  const figure = useMemo(() => fitFigure(document, look), [document, look]);
  if (figure === null) return null;
  const candidate = document.candidates.find(({ name }) => name === chosen);
  return (
    <>
      <LegendedChart
        figure={figure}
        theme={look}
        label={figure.title}
        height={236}
        selected={chosen}
        onSelect={choose}
      />
      {candidate !== undefined && (
        <div className="line" role="group" aria-label="Chosen candidate">
          <p>
            {candidateWords(candidate, document.experts)}; {lossWords(candidate)}; {sizeWords(document, candidate)}.
          </p>
          <PlanOnMap run={run} document={document} name={candidate.name} />
        </div>
      )}
      <p className="chart-caption">{figure.caption}</p>
    </>
  );
};

const FitDetails = ({ run, document }: FitPartProps) => {
  const { showPlan } = usePlanOnMap(run);
  const rows = fitRows(document);
  const tested = rows.filter(({ candidate }) => document.tested.some(({ name }) => name === candidate.name));
  const keyOf = ({ candidate }: FitRow): string => candidate.name;
  return (
    <>
      {tested.length > 0 && (
        <DataTable
          caption="Tested models"
          columns={shownColumns(pick(fitColumns, 'model test part bytes memory'), tested)}
          rows={tested}
          rowKey={keyOf}
          onRow={({ candidate }) => showPlan(candidate.name)}
          opens={({ candidate }) => hasPlan(document, candidate.name)}
        />
      )}
      {document.recommended !== null && <p>{givenUp(document)}</p>}
      <Sentences label="On other tasks" sentences={elsewhereWords(document)} />
      <Sentences label="Forecast of written answers" sentences={forecastWords(document)} />
      <Sentences label="Canaries" sentences={canaryWords(document)} />
      <Disclosure summary={`Every candidate (${String(rows.length)})`}>
        <DataTable
          caption="Candidates of the search"
          columns={shownColumns(pick(fitColumns, 'part model loss test items bytes memory'), rows)}
          rows={rows}
          rowKey={keyOf}
        />
      </Disclosure>
      <Disclosure summary="How it was found">
        <Sentences sentences={fitNotes(document)} />
      </Disclosure>
    </>
  );
};
