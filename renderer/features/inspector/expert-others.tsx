import { type ReactNode, useState } from 'react';
import type { ExpertDocument, Likeness } from '../../../main/contract/profile.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import { amountScale } from '../../../main/figures/colors.ts';
import { formatCount, formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { MiniHeatmap } from '../../charts/heatmap.tsx';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { selectionStore } from '../../state/selection-store.ts';
import type { ExpertPosition } from '../../state/selection.ts';

interface Subject extends ExpertPosition {
  readonly model: PathHandle;
  readonly task: PathHandle;
  readonly chat: true | undefined;
}

const select = (layer: number, expert: number): void => selectionStore.getState().selectExpert(layer, expert);

/** Experts chosen for the same tokens: the first few, and on request the matrix of the layer. */
export const ChosenTogether = ({ found, ...subject }: Subject & { readonly found: ExpertDocument }) => {
  const [isWhole, showWhole] = useState(false);
  const longest = maxOf([Number.EPSILON, ...found.together.map(({ share, base }) => Math.max(share, base))]);
  return (
    <section className="stack expert-part" aria-label="Chosen together with">
      <h3>
        <Definition of="chosenTogether" />
      </h3>
      {found.together.length === 0 && <p className="muted">No other expert was chosen with it on this task.</p>}
      <ExpertBars
        label="Experts chosen for the same tokens"
        rows={found.together.map(({ expert, both, share, base }) => ({
          key: String(expert),
          name: `Expert ${expert}`,
          length: share / longest,
          mark: base / longest,
          value: formatPercent(share, 1),
          text:
            `Expert ${expert}: for ${formatCount(both)} of its ${formatCount(found.chosen)} tokens, ` +
            `${formatPercent(share, 1)}; of all tokens ${formatPercent(base, 1)}`,
          onSelect: () => select(subject.layer, expert),
        }))}
      />
      <details open={isWhole} onToggle={(event) => showWhole(event.currentTarget.open)}>
        <summary>All experts of layer {subject.layer} against each other</summary>
        {isWhole && <TogetherMatrix {...subject} />}
      </details>
    </section>
  );
};

/** Rows: share of an expert's tokens that also choose each other expert. */
export const sharesTogether = (both: readonly (readonly number[])[]): readonly (readonly (number | null)[])[] =>
  both.map((row, expert) => {
    const tokens = row[expert] ?? 0;
    return row.map((count, other) => (other === expert ? null : tokens > 0 ? count / tokens : 0));
  });

const TogetherMatrix = ({ model, task, layer, expert, chat }: Subject) => {
  const { data, error } = useQuery('expert.together', { model, task, layer, chat });
  if (error !== null) return <Problem error={error} />;
  if (data?.found === null || data === undefined) return <p className="muted">Reading…</p>;
  const matrix = sharesTogether(data.found.both);
  const largest = matrix.reduce((most, row) => row.reduce<number>((top, share) => Math.max(top, share ?? 0), most), 0);
  return (
    <figure className="together-matrix">
      <div>
        <MiniHeatmap matrix={matrix} scale={amountScale(largest)} height={260} />
        <span
          className="together-row"
          style={{ top: `${(expert / matrix.length) * 100}%`, height: `${100 / matrix.length}%` }}
        />
      </div>
      <figcaption className="muted">
        Row: share of an expert’s tokens that also choose the expert of the column, from 0 (dark) to{' '}
        {formatPercent(largest, 0)}, linear; expert 0 above and on the left; framed: expert {expert}.
      </figcaption>
    </figure>
  );
};

const likeRows = (layer: number, like: readonly Likeness[]) =>
  like.map(({ expert, cosine }) => ({
    key: String(expert),
    name: `Expert ${expert}`,
    length: cosine,
    value: formatFixed(cosine, 3),
    text: `Expert ${expert}: cosine ${formatFixed(cosine, 4)}`,
    onSelect: () => select(layer, expert),
  }));

interface AlikeProps extends Subject {
  readonly found: ExpertDocument;
  /** Shown if the profile did not compare outputs. */
  readonly outputsMissing: ReactNode;
}

/** Similar experts by three measures, which need not agree. */
export const ExpertsAlike = ({ found, outputsMissing, model, layer, expert }: AlikeProps) => {
  const [asked, ask] = useState<string | null>(null);
  const subject = `${model} ${layer} ${expert}`;
  const weights = useQuery('expert.likeWeights', asked === subject ? { model, layer, expert } : null);
  return (
    <section className="stack expert-part" aria-label="Similar experts">
      <h3>Similar experts</h3>
      <h4>
        <Definition of="likeByRouter" />
      </h4>
      <ExpertBars label="Similar by router logits" rows={likeRows(layer, found.likeByRouter)} />
      <h4>
        <Definition of="likeByOutput" />
      </h4>
      {found.likeByOutput === null ? (
        outputsMissing
      ) : (
        <ExpertBars label="Similar by outputs" rows={likeRows(layer, found.likeByOutput)} />
      )}
      <h4>
        <Definition of="likeByWeights" />
      </h4>
      {weights.error !== null && <Problem error={weights.error} />}
      {weights.data === undefined ? (
        <div className="line">
          <Button disabled={weights.loading} onClick={() => ask(subject)}>
            {weights.loading ? 'Reading weights…' : 'Compare the weights of the layer'}
          </Button>
        </div>
      ) : (
        <ExpertBars label="Similar by weights" rows={likeRows(layer, weights.data.like)} />
      )}
    </section>
  );
};

interface BarRow {
  readonly key: string;
  readonly name: ReactNode;
  /** Length of the bar relative to the longest. */
  readonly length: number;
  /** A reference mark on the same scale. */
  readonly mark?: number;
  readonly value: string;
  /** Full description of the row. */
  readonly text: string;
  readonly onSelect?: (() => void) | undefined;
}

/** A list of names, each with a bar and a number. */
export const ExpertBars = ({ label, rows }: { readonly label: string; readonly rows: readonly BarRow[] }) => (
  <ul className="rows expert-bars" aria-label={label}>
    {rows.map(({ key, name, length, mark, value, text, onSelect }) => (
      <li key={key} title={text}>
        {onSelect === undefined ? (
          <span className="expert-bars-name ellipsis">{name}</span>
        ) : (
          <button type="button" className="expert-bars-name ellipsis" onClick={onSelect}>
            {name}
          </button>
        )}
        <span className="expert-bars-track" aria-hidden="true">
          <span style={{ width: `${Math.max(0, Math.min(1, length)) * 100}%` }} />
          {mark !== undefined && <i style={{ left: `${Math.max(0, Math.min(1, mark)) * 100}%` }} />}
        </span>
        <span className="number">{value}</span>
      </li>
    ))}
  </ul>
);
