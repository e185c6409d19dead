import { useState } from 'react';
import type { ExperimentDocument, ExperimentReproduction } from '../../../main/contract/experiment.ts';
import { experimentFigure } from '../../../main/figures/experiment-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { Problem } from '../../components/problem.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { type Engine, useQuery, useRequest } from '../../engine/engine-context.tsx';
import { shownRunName } from '../../format/run-names.ts';
import { titlesOf } from '../../format/task-titles.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { MatrixTable, PublishedDifferences, ThresholdTable } from './experiment-tables.tsx';
import './experiment.css';

type Page = 'scratch' | 'unpruned' | 'published';

const pages: readonly { readonly value: Page; readonly label: string }[] = [
  { value: 'scratch', label: 'Against scratch' },
  { value: 'unpruned', label: 'Against unpruned' },
  { value: 'published', label: 'The paper’s table' },
];

export const ExperimentResult = ({ run }: { readonly run: string }) => {
  const { data, error } = useQuery('experiment.read', { run });
  const manifest = useQuery('runs.list', {}).data?.find(({ id }) => id === run);
  if (error !== null && data === undefined) return <Problem error={error} />;
  if (data === undefined || manifest === undefined)
    return <p className="muted dialog-reading">Reading the experiment…</p>;
  return <Pages document={data} manifest={manifest} />;
};

interface PagesProps {
  readonly document: ExperimentDocument;
  readonly manifest: RunManifest;
}

const Pages = ({ document, manifest }: PagesProps) => {
  const [page, turnTo] = useState<Page>('scratch');
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const { busy, start } = useRequest();
  const saveReport = async ({ bridge }: Engine): Promise<void> => {
    const { name, html } = await bridge.call('experiment.report', { run: document.run });
    await bridge.saveFile({ suggestedName: name, bytes: new TextEncoder().encode(html) });
  };
  const reproduce = async ({ bridge, cache }: Engine): Promise<void> => {
    await bridge.call('experiment.reproduce', { run: document.run });
    cache.invalidate(listsRuns);
    experimentStore.getState().showRun(null);
  };
  return (
    <div className="experiment">
      <p>
        <strong>{shownRunName(manifest, tasks)}</strong>
        {manifest.state === 'done' ? '' : ` (${manifest.state}: partial results)`}
      </p>
      {document.reproduction !== null && <Reproduced found={document.reproduction} />}
      <div className="experiment-bar">
        <Segmented label="What to show" value={page} options={pages} onChange={turnTo} />
        {manifest.state === 'done' && document.reproduction === null && (
          <Button disabled={busy} onClick={() => start(reproduce)}>
            Reproduce
          </Button>
        )}
        <Button disabled={busy} onClick={() => start(saveReport)}>
          Save report…
        </Button>
      </div>
      {page === 'published' ? (
        <Published document={document} />
      ) : (
        <Answer document={document} manifest={manifest} question={page} />
      )}
      <ul className="experiment-notes">
        {document.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </div>
  );
};

const Reproduced = ({ found }: { readonly found: ExperimentReproduction }) => (
  <p className="experiment-reproduced">
    {found.sentence}
    {found.reason === null ? '' : ` ${found.reason}`}
  </p>
);

const Answer = ({ document, manifest, question }: PagesProps & { readonly question: 'scratch' | 'unpruned' }) => {
  const theme = useResolvedTheme();
  const answer = document.answers.find((one) => one.question === question);
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const titleOf = titlesOf(tasks);
  if (answer === undefined || answer.pairs.length === 0)
    return <p className="muted">No pruned arm has been measured together with its reference yet.</p>;
  const { svg, title, description } = experimentFigure(document, answer, manifest, figureTheme(theme, titleOf));
  return (
    <>
      <p>{answer.title}</p>
      <img
        className="experiment-figure"
        src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`}
        alt={`${title}. ${description}`}
      />
      <ul className="experiment-notes">
        {answer.findings.map(({ sentence }) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <MatrixTable answer={answer} tasks={document.tasks.map(({ name }) => name)} title={titleOf} />
      <p className="muted">{answer.rule}</p>
      <ThresholdTable answer={answer} title={titleOf} />
    </>
  );
};

const Published = ({ document: { published } }: { readonly document: ExperimentDocument }) =>
  published === null ? null : (
    <>
      <p>{published.source}</p>
      <p className="muted">{published.note}</p>
      <PublishedDifferences published={published} />
    </>
  );
