import { Fragment, useState } from 'react';
import type { BesideColumn, BesideDifference, BesideDocument } from '../../../main/contract/beside.ts';
import { firstDifference } from '../../../main/evaluation/beside.ts';
import { goneColumns, goneRows, likelyColumns, likelyRows } from '../../../main/figures/compare-tables.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { choicesGone, endedText, shownToken } from '../../../main/words/beside.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { CursorBar, TokenAtCursor } from './beside-cursor.tsx';

/** The texts next to each other under one cursor, what all models do at its token, and the first differences. */
export const BesideTexts = ({ document }: { readonly document: BesideDocument }) => {
  const { columns, differences } = document;
  const [chosen, moveTo] = useState<number | null>(null);
  const [unpruned, ...plans] = columns;
  if (unpruned === undefined) return null;
  const parts = plans.map(({ tokens }) => firstDifference(unpruned.tokens, tokens));
  const marks = new Set(parts.filter((at) => at !== null));
  const last = maxOf([0, ...columns.map(({ tokens }) => tokens.length - 1)]);
  const cursor = Math.min(last, chosen ?? parts.find((at) => at !== null) ?? 0);
  const isWritten = differences.length > 0;
  const shared = { cursor: isWritten ? cursor : null, last, onMove: moveTo };
  return (
    <>
      <div className="beside-columns">
        <TextColumn column={unpruned} marks={marks} {...shared} />
        {plans.map((column, index) => (
          <TextColumn
            key={index}
            column={column}
            marks={new Set([parts[index] ?? null].filter((at) => at !== null))}
            {...shared}
          />
        ))}
      </div>
      {isWritten && (
        <section className="stack beside-cursor" aria-label="At the token">
          <CursorBar document={document} differences={parts} cursor={cursor} last={last} onMove={moveTo} />
          <TokenAtCursor document={document} cursor={cursor} />
        </section>
      )}
      {differences.map((difference, index) => (
        <Difference key={index} difference={difference} name={plans[index]?.name ?? ''} />
      ))}
    </>
  );
};

interface TextColumnProps {
  readonly column: BesideColumn;
  readonly marks: ReadonlySet<number>;
  /** Null while the models write. */
  readonly cursor: number | null;
  readonly last: number;
  readonly onMove: (to: number) => void;
}

/** The index of the token that an event is over; null: none. */
const tokenUnder = ({ target }: React.SyntheticEvent): number | null => {
  const at = target instanceof HTMLElement ? target.dataset['at'] : undefined;
  return at === undefined ? null : Number(at);
};

/** A token's text; white space alone is made visible. */
const visible = (text: string): string => (text.trim() === '' ? shownToken(text) : text);

/** A text that still grows: one piece between its marks, since it is drawn anew with every token. */
const WritingText = ({ column: { tokens }, marks }: Pick<TextColumnProps, 'column' | 'marks'>) => {
  const piece = (from: number, to: number): string =>
    tokens
      .slice(from, to)
      .map(({ text }) => text)
      .join('');
  const places = [...marks].filter((at) => at < tokens.length).sort((left, right) => left - right);
  return (
    <>
      {piece(0, places[0] ?? tokens.length)}
      {places.map((at, index) => (
        <Fragment key={at}>
          <mark>{visible(tokens[at]?.text ?? '')}</mark>
          {piece(at + 1, places[index + 1] ?? tokens.length)}
        </Fragment>
      ))}
    </>
  );
};

const TextColumn = ({ column, marks, cursor, last, onMove }: TextColumnProps) => {
  const follow = (event: React.SyntheticEvent): void => {
    const at = tokenUnder(event);
    if (at !== null && cursor !== null && at !== cursor) onMove(at);
  };
  return (
    <section className="beside-column" aria-label={`Text of ${column.name}`}>
      <h3>{column.name}</h3>
      <div
        className="beside-text"
        role="group"
        aria-label={`Tokens of ${column.name}`}
        tabIndex={cursor === null ? undefined : 0}
        onPointerOver={follow}
        onClick={follow}
        onKeyDown={(event) => {
          const { key, ctrlKey, metaKey, altKey } = event;
          if (cursor === null || ctrlKey || metaKey || altKey) return;
          const to = { ArrowLeft: cursor - 1, ArrowRight: cursor + 1, Home: 0, End: last }[key];
          if (to === undefined) return;
          event.preventDefault();
          onMove(Math.max(0, Math.min(last, to)));
        }}
      >
        {cursor === null ? (
          <WritingText column={column} marks={marks} />
        ) : (
          column.tokens.map(({ text }, index) => {
            const look = index === cursor ? 'beside-at' : undefined;
            return marks.has(index) ? (
              <mark key={index} data-at={index} className={look}>
                {visible(text)}
              </mark>
            ) : (
              <span key={index} data-at={index} className={look}>
                {index === cursor ? visible(text) : text}
              </span>
            );
          })
        )}
      </div>
      <small className="muted">{endedText(column)}</small>
    </section>
  );
};

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
    <section className="stack beside-difference" aria-label={`First difference of ${name}`}>
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
