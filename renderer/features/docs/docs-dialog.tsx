import Markdown from 'markdown-to-jsx/react';
import { type ReactNode, useEffect, useState } from 'react';
import { useStore } from 'zustand';
import { type SerialisedError, serialiseError } from '../../../main/contract/errors.ts';
import { type PageGroup, PagesDialog } from '../../components/pages-dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { readPage, topics } from '../../definitions/docs.ts';
import { docsStore } from '../../state/dialog-stores.ts';
import './docs.css';

const contents: readonly PageGroup[] = [
  { title: null, entries: topics.map(({ name, title, question }) => ({ name, title, hint: question })) },
];

/** The documentation: the same pages as `uncurl help TOPIC`. */
export const DocsDialog = () => {
  const { open, show } = useStore(docsStore);
  if (open === null) return null;
  return (
    <PagesDialog
      title="Documentation"
      label="Topics"
      groups={contents}
      open={open}
      onOpen={show}
      onClose={() => show(null)}
    >
      <Page key={open} name={open} />
    </PagesDialog>
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
      <p className="muted pages-command">
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
