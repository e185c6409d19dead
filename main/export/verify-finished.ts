import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Checkpoint, INDEX_FILE, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { expected } from '../contract/errors.ts';
import { PLAN_FILE, type Verification } from '../contract/export.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { CHECKSUM_FILE, readChecksums } from '../files/checksums.ts';
import { duplicateKey } from '../files/parse-json.ts';
import { readText } from '../files/regular-file.ts';
import { compressedFolder, compressedTypeOf } from './compressed-folder.ts';
import { CARD_FILE } from './export-folder.ts';
import { exportWarnings, licenceLines, MAX_CARD_BYTES } from './export-plan.ts';
import { exportedTensors } from './exported-tensors.ts';
import { planGguf, readGgufType } from './gguf/gguf-file.ts';
import { isStoredGguf } from './gguf/stored-gguf.ts';
import { planStandingText } from '../words/verdicts.ts';
import { modelCard } from './model-card.ts';
import { carriedPlan, preparePlan } from './prepare-plan.ts';
import { verifyExport, type VerifyRequest, whatItHolds } from './verify-export.ts';

/** JSON files of an export in which a repeated key would mean one thing here and another elsewhere. */
const JSON_FILES = ['config.json', INDEX_FILE, PLAN_FILE];
const MAX_JSON_BYTES = 64 * 2 ** 20;

/** Links, and files that the checksum list does not name: nothing vouches for their content. */
const listProblems = async (folder: string): Promise<readonly string[]> => {
  const names = (await readdir(folder)).sort();
  const problems: string[] = [];
  for (const name of names)
    if ((await lstat(path.join(folder, name))).isSymbolicLink())
      problems.push(`${name} is a link: an export contains its files themselves.`);
  if (!names.includes(CHECKSUM_FILE)) return [...problems, `${CHECKSUM_FILE} is missing.`];
  // A damaged list is a finding of its own (checksumProblems).
  const sums = await readChecksums(folder).catch(expected(() => null));
  const unlisted = names.filter((name) => name !== CHECKSUM_FILE && sums?.has(name) === false);
  return [...problems, ...unlisted.map((name) => `${CHECKSUM_FILE} does not list ${name}.`)];
};

/** Keys that stand twice in a header or a JSON file. */
const repeatedKeys = async (folder: string, opened: Checkpoint | null): Promise<readonly string[]> => {
  const texts: (readonly [name: string, text: string])[] = [];
  for (const { name, file } of opened?.weightFiles ?? [])
    if (name.endsWith('.safetensors')) texts.push([name, (await readSafetensorsHeader(file)).text]);
  const present = new Set(await readdir(folder));
  for (const name of JSON_FILES)
    if (present.has(name)) texts.push([name, await readText(path.join(folder, name), { mostBytes: MAX_JSON_BYTES })]);
  return texts.flatMap(([name, text]) => {
    const key = duplicateKey(text);
    return key === null ? [] : [`${name} has the key ${JSON.stringify(key.slice(0, 100))} twice.`];
  });
};

/** `__metadata__` of weight files that no file of the source has. */
const metadataProblems = async (source: Checkpoint, opened: Checkpoint | null): Promise<readonly string[]> => {
  if (opened === null || isStoredGguf(source)) return [];
  const metadataOf = async (file: string): Promise<string> =>
    canonicalJson({ format: 'pt', ...(await readSafetensorsHeader(file)).metadata });
  const known = new Set<string>();
  for (const { file } of source.weightFiles) known.add(await metadataOf(file));
  const problems: string[] = [];
  for (const { name, file } of opened.weightFiles)
    if (!known.has(await metadataOf(file))) problems.push(`${name} has other __metadata__ than the source.`);
  return problems;
};

/**
 * The card that this export has, without results of sweeps. A given plan that does not say how it was made is the one
 * in the export, whose effect was compared with it.
 */
const rebuiltCard = async (
  { checkpoint, plan: given, settings, exported }: VerifyRequest,
  verification: Verification,
  opened: Checkpoint | null,
): Promise<string> => {
  const carried = given.method === undefined ? await carriedPlan(exported) : null;
  const plan = preparePlan(checkpoint, carried ?? given, true);
  const isStored = isStoredGguf(checkpoint);
  const holds = isStored ? { weights: false, onnx: false, gguf: true } : await whatItHolds(exported);
  const format = holds.gguf ? 'gguf' : holds.onnx ? (holds.weights ? 'hf,onnx' : 'onnx') : 'hf';
  const mtp = verification.mtp ?? 'drop';
  const type = opened === null || holds.onnx || isStored ? null : compressedTypeOf(checkpoint, opened);
  const ggufType = holds.gguf && !isStored ? await readGgufType(exported) : null;
  const tensors = await exportedTensors(checkpoint, plan, settings.overlays, mtp);
  const made =
    ggufType !== null
      ? await planGguf(checkpoint, plan, tensors, ggufType)
      : type !== null
        ? await compressedFolder(checkpoint, plan, tensors, type)
        : null;
  return modelCard({
    name: path.basename(exported),
    checkpoint,
    plan,
    verification,
    format,
    mtp,
    warnings: [...exportWarnings(checkpoint.info, plan, format), ...(made?.warnings ?? [])],
    weights: isStored ? 'stored' : (ggufType ?? type),
    hasTokenizer: (await readdir(exported)).includes('tokenizer.json'),
    licence: isStored ? [] : await licenceLines(checkpoint.folder),
    facts: null,
  });
};

/** Sections of a card that cannot be made from an export alone. */
const RESULTS = '## What pruning costs';
/** Numbers of the first proof, which another machine rounds otherwise, and what other engines found. */
const OF_PROOF = /differ by at most \S+ \(limit \S+,/g;
const REFEREE = /^(?:Referee|Transformers): .*$/gm;
const VERSION = /Uncurl Workbench(?: [\w.+-]+)?; the plan/g;

/** A card's sections by heading; the first has none. The title is the folder's name when it was made. */
const sectionsOf = (card: string): ReadonlyMap<string, string> => {
  const sections = new Map<string, string>();
  for (const part of card.split(/^(?=## )/m)) {
    const [heading = ''] = part.split('\n');
    const name = part.startsWith('## ') ? heading : '';
    const text = part
      .replaceAll(OF_PROOF, 'differ by at most')
      .replaceAll(REFEREE, '')
      .replaceAll(VERSION, 'Uncurl Workbench; the plan')
      .replace(/^# .*$/m, '#');
    sections.set(name, `${sections.get(name) ?? ''}${text.replaceAll(/\n{2,}/g, '\n\n').trim()}`);
  }
  return sections;
};

/** Differences of a card from the one that the export has, and what of it was not compared. */
export const cardFindings = (
  card: string,
  rebuilt: string,
): { readonly problems: readonly string[]; readonly notes: readonly string[] } => {
  const [is, wanted] = [sectionsOf(card), sectionsOf(rebuilt)];
  const names = new Set([...is.keys(), ...wanted.keys()]);
  const problems = [...names]
    .filter((name) => name !== RESULTS && is.get(name) !== wanted.get(name))
    .map((name) => `${CARD_FILE} is not the card of this export${name === '' ? '' : `, in "${name.slice(3, 100)}"`}.`);
  const notes = [
    ...(![undefined, `${RESULTS}\n\n${planStandingText([])}`].includes(is.get(RESULTS))
      ? [`${CARD_FILE}: the results of sweeps in "${RESULTS.slice(3)}" do not follow from the export: not compared.`]
      : []),
    ...(/^Referee: |^Transformers: equal/m.test(card)
      ? [`${CARD_FILE}: the findings of its referee were not compared.`]
      : []),
  ];
  return { problems, notes };
};

/**
 * Verifies a finished export: everything that `verifyExport` compares, and that its checksum list names every file,
 * that no file is a link, that no key stands twice and no metadata is added, and that its model card is the one that
 * the export has.
 */
export const verifyFinished = async (request: VerifyRequest): Promise<Verification> => {
  const verification = await verifyExport(request);
  const { exported, checkpoint } = request;
  // Null: reported already, or a folder without weights of its own.
  const opened = await openCheckpoint(exported).catch(expected(() => null));
  const problems: string[] = [
    ...(await listProblems(exported)),
    ...(await repeatedKeys(exported, opened)),
    ...(await metadataProblems(checkpoint, opened)),
  ];
  const notes: string[] = [];
  const isCard = await lstat(path.join(exported, CARD_FILE)).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (!isCard) problems.push(`${CARD_FILE} is missing.`);
  else if (verification.ok && problems.length === 0) {
    const card = await readText(path.join(exported, CARD_FILE), { mostBytes: MAX_CARD_BYTES });
    const found = cardFindings(card, await rebuiltCard(request, verification, opened));
    for (const problem of found.problems) problems.push(problem);
    for (const note of found.notes) notes.push(note);
  } else notes.push(`${CARD_FILE} was not compared, since the export itself differs.`);
  return {
    ...verification,
    ok: verification.ok && problems.length === 0,
    problems: [...verification.problems, ...problems.filter((problem) => !verification.problems.includes(problem))],
    ...(notes.length === 0 ? {} : { notes }),
  };
};
