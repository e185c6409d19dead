import type { BesideColumn, BesideDifference, BesideDocument } from '../../../main/contract/beside.ts';
import { firstDifference } from '../../../main/evaluation/beside.ts';
import { goneColumns, goneRows, likelyColumns, likelyRows } from '../../../main/figures/compare-tables.ts';
import { choicesGone, endedText, shownToken } from '../../../main/words/beside.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

/** The texts next to each other, and the first difference of each plan. */
export const BesideTexts = ({ document: { columns, differences } }: { readonly document: BesideDocument }) => {
  const [unpruned, ...plans] = columns;
  if (unpruned === undefined) return null;
  const parts = plans.map(({ tokens }) => firstDifference(unpruned.tokens, tokens));
  const marks = new Set(parts.filter((at) => at !== null));
  return (
    <>
      <div className="beside-columns">
        <TextColumn column={unpruned} marks={marks} />
        {plans.map((column, index) => (
          <TextColumn key={index} column={column} marks={new Set([parts[index] ?? null].filter((at) => at !== null))} />
        ))}
      </div>
      {differences.map((difference, index) => (
        <Difference key={index} difference={difference} name={plans[index]?.name ?? ''} />
      ))}
    </>
  );
};

const TextColumn = ({ column, marks }: { readonly column: BesideColumn; readonly marks: ReadonlySet<number> }) => (
  <section className="beside-column" aria-label={`Text of ${column.name}`}>
    <h3>{column.name}</h3>
    <p className="beside-text">
      {column.tokens.map(({ text }, index) =>
        marks.has(index) ? (
          <mark key={index}>{text.trim() === '' ? shownToken(text) : text}</mark>
        ) : (
          <span key={index}>{text}</span>
        ),
      )}
    </p>
    <small className="muted">{endedText(column)}</small>
  </section>
);

const Difference = ({ difference, name }: { readonly difference: BesideDifference | null; readonly name: string }) => {
  if (difference === null)
    return (
      <section aria-label={`First difference of ${name}`}>
        <h3>{name}</h3>
        <p className="muted">No token differs in what both wrote.</p>
      </section>
    );
  const [likely, layers] = [likelyRows(difference), goneRows(difference)];
  return (
    <section className="beside-difference" aria-label={`First difference of ${name}`}>
      <h3>
        {name}: <Definition of="firstDifference">first difference</Definition> at new token {difference.at + 1}
      </h3>
      <p>{choicesGone(difference)}</p>
      <div className="beside-tables">
        <DataTable
          caption={`Likeliest tokens of unpruned and ${name}`}
          columns={shownColumns(likelyColumns(name), likely)}
          rows={likely}
          rowKey={({ rank }) => String(rank)}
        />
        <DataTable
          caption={`Experts used by the unpruned model, and gone under ${name}`}
          columns={shownColumns(goneColumns, layers)}
          rows={layers}
          rowKey={({ layer }) => String(layer)}
        />
      </div>
    </section>
  );
};
