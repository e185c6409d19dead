import Markdown from 'markdown-to-jsx/react';
import { useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { useStore } from 'zustand';
import { serialiseError } from '../../../main/contract/errors.ts';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { readPage, topics } from '../../definitions/docs.ts';
import { docsStore } from '../../state/dialog-stores.ts';
import { neighbour } from '../../state/selection-store.ts';
import './docs.css';

/** The documentation: the same pages as `uncurl help TOPIC`. */
export const DocsDialog = () => {
  const { open, show } = useStore(docsStore);
  if (open === null) return null;
  return (
    <Dialog title="Documentation" wide onClose={() => show(null)}>
      <div className="docs">
        <TopicList open={open} />
        <Page key={open} name={open} />
      </div>
    </Dialog>
  );
};

/** Arrow keys move through the list and open each page. */
const TopicList = ({ open }: { readonly open: string }) => {
  const list = useRef<HTMLDivElement>(null);
  const { show } = docsStore.getState();
  const move = (step: number): void => {
    const next = neighbour(
      topics.map(({ name }) => name),
      open,
      step,
    );
    if (next === null) return;
    show(next);
    list.current?.querySelector<HTMLButtonElement>(`[data-topic="${next}"]`)?.focus();
  };
  return (
    <nav aria-label="Topics">
      <div
        className="docs-list"
        role="listbox"
        aria-label="Topics"
        ref={list}
        onKeyDown={(event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          move(step);
        }}
      >
        {topics.map(({ name, title, question }) => (
          <button
            key={name}
            type="button"
            role="option"
            data-topic={name}
            title={question}
            aria-selected={name === open}
            tabIndex={name === open ? 0 : -1}
            onClick={() => show(name)}
          >
            {title}
          </button>
        ))}
      </div>
    </nav>
  );
};

interface LoadedPage {
  /** Null while being fetched. */
  readonly text: string | null;
  readonly error: SerialisedError | null;
}

const usePage = (name: string): LoadedPage => {
  const [page, setPage] = useState<LoadedPage>({ text: null, error: null });
  useEffect(() => {
    let isCurrent = true;
    const settle = (loaded: LoadedPage): void => {
      if (isCurrent) setPage(loaded);
    };
    readPage(name).then(
      (text) => settle({ text, error: null }),
      (error: unknown) => settle({ text: null, error: serialiseError(error) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [name]);
  return page;
};

const Page = ({ name }: { readonly name: string }) => {
  const { text, error } = usePage(name);
  const title = topics.find((topic) => topic.name === name)?.title ?? name;
  return (
    <article className="docs-page" tabIndex={0} aria-label={title} aria-busy={text === null && error === null}>
      {error !== null && <Problem error={error} />}
      {text !== null && (
        <Markdown options={{ disableParsingRawHTML: true, forceBlock: true, overrides: { a: Link, table: Table } }}>
          {text}
        </Markdown>
      )}
      <p className="muted docs-command">
        The same page in a terminal: <code>uncurl help {name}</code>
      </p>
    </article>
  );
};

/** A link to another page opens it here; a link to a repository file only shows its name. */
const Link = ({ href = '', children }: { readonly href?: string; readonly children?: ReactNode }) => {
  const topic = /^([a-z-]+)\.md(?:#.*)?$/.exec(href)?.[1];
  if (topic !== undefined && topics.some(({ name }) => name === topic)) {
    return (
      <button type="button" className="docs-link" onClick={() => docsStore.getState().show(topic)}>
        {children}
      </button>
    );
  }
  if (!href.startsWith('https://')) return <code>{children}</code>;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
};

/** Wide tables scroll within the page. */
const Table = ({ children }: { readonly children?: ReactNode }) => (
  <div className="docs-table" tabIndex={0}>
    <table>{children}</table>
  </div>
);
