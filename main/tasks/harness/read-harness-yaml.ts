import { LineCounter, parseDocument, type Tags } from 'yaml';
import { refuse } from '../../contract/errors.ts';
import { readTextFile } from '../read-text-file.ts';

/** A task document is a page of keys; data belongs in files beside it. */
const MAX_CHARACTERS = 2 ** 20;
/** Aliases that repeat aliases grow without bound. */
const MAX_ALIASES = 100;

const TRUE = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const FALSE = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;

/** YAML 1.1 also reads y and n as truth values; Python's reader does not, and they are names of columns. */
const asPythonReads = (tags: Tags): Tags =>
  tags.map((tag) => {
    if (typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:bool' || tag.collection !== undefined || tag.test === undefined) return tag;
    return { ...tag, test: tag.test.test('true') ? TRUE : FALSE };
  });

/**
 * A YAML file as lm-evaluation-harness's reader takes it (YAML 1.1: yes and no are truth values). Tags are refused by
 * name: `!function` names Python code, which is never run here.
 */
export const readHarnessYaml = async (file: string): Promise<Readonly<Record<string, unknown>>> => {
  const text = await readTextFile(file);
  if (text.length > MAX_CHARACTERS) throw refuse('task-too-large', `${file} has ${String(text.length)} characters (limit ${String(MAX_CHARACTERS)}).`, 'Move the data into files of their own.');
  const lines = new LineCounter();
  const document = parseDocument(text, { version: '1.1', lineCounter: lines, prettyErrors: false, customTags: asPythonReads });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const place = `${file}, line ${String(lines.linePos(problem.pos[0]).line)}`;
    const tag = problem.code === 'TAG_RESOLVE_FAILED' ? /^\S*/.exec(text.slice(problem.pos[0]))?.[0] : undefined;
    if (tag === undefined) throw refuse('bad-task', `${place}: not YAML (${problem.message}).`, 'Repair the file.', problem);
    throw refuse('unsupported-task', `${place}: the tag ${tag} is not supported${tag === '!function' ? ': it names Python code, which is not run here' : ''}.`, 'Write it as a template or a column, or store what the code gives in the data.');
  }
  let values: unknown;
  try {
    values = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw refuse('bad-task', `${file}: ${cause instanceof Error ? cause.message : String(cause)}.`, 'Write the values out.', cause);
  }
  if (typeof values !== 'object' || values === null || Array.isArray(values)) throw refuse('bad-task', `${file}: not a list of keys and values.`, 'A task is keys such as task, dataset_path and doc_to_text.');
  return Object.fromEntries(Object.entries(values));
};
