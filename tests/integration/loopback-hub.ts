import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { parsePythonJson } from '../../main/files/parse-json.ts';

/** A request as a server of the test saw it. */
export interface SeenRequest {
  readonly host: 'hub' | 'cdn';
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly range: string | null;
}

/** What goes wrong with the answer to a request. */
export interface Fault {
  /** Answers with this status instead. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Closes the connection after this many bytes of the body; 0: before the answer. */
  readonly cutAfter?: number;
  /** Closes the connection after the headers of a success, before any byte of the body. */
  readonly headersOnly?: boolean;
  /** Sends nothing more after this many bytes, and keeps the connection open. */
  readonly silentAfter?: number;
  /** A success with the page of another server, a body without end, or one that stops after its first byte. */
  readonly body?: 'page' | 'endless' | 'silent';
  /** Never answers, and keeps the connection open. */
  readonly mute?: boolean;
  /** Inverts the byte at this position of the file. */
  readonly flip?: number;
  /** Ignores the range of the request. */
  readonly whole?: boolean;
}

interface StoredFile {
  readonly bytes: Buffer;
  readonly isLarge: boolean;
}

interface StoredRepository {
  readonly id: string;
  isPrivate: boolean;
  isGated: boolean;
  /** Files of each commit; the last one is `main`. */
  readonly commits: Map<string, ReadonlyMap<string, StoredFile>>;
  /** The commit that each branch points to. */
  readonly refs: Map<string, string>;
}

export interface LoopbackHub {
  readonly endpoint: string;
  /** Origin of the second server, to which large files are redirected. */
  readonly cdn: string;
  readonly seen: SeenRequest[];
  /** Decides what goes wrong with a request; null: nothing. */
  fault: ((request: SeenRequest) => Fault | null) | null;
  /** Paths that the listing adds, whatever they are. */
  readonly listedToo: string[];
  /** Bytes that the listing claims of large files, by path. */
  readonly claimedBytes: Map<string, number>;
  /** Makes a repository, or its next commit; returns the commit. */
  publish(
    id: string,
    files: Readonly<Record<string, string | Buffer>>,
    settings?: { readonly isPrivate?: boolean; readonly isGated?: boolean },
  ): string;
  /** Content of a file of `main`; undefined where there is none. */
  contentOf(id: string, path: string): Buffer | undefined;
  filesOf(id: string): readonly string[];
  close(): Promise<void>;
}

/** The token that may read everything, and one that is known but may not read gated repositories. */
export const TOKEN = 'hf_loopbackTokenThatMayReadAll';
export const POOR_TOKEN = 'hf_loopbackTokenWithoutAccess';
const OWNER = 'someone';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const gitSha = (bytes: Buffer): string =>
  createHash('sha1')
    .update(`blob ${String(bytes.length)}\0`)
    .update(bytes)
    .digest('hex');
const etagOf = ({ bytes, isLarge }: StoredFile): string => (isLarge ? sha256(bytes) : gitSha(bytes));

/** Files that the Hub's default .gitattributes stores by Git LFS. */
const isLargeName = (path: string): boolean => /\.(?:safetensors|gguf|bin|pt|onnx|parquet)$/.test(path);

/** Licences of which the Hub's list has many more. */
const LICENCES = new Set(['apache-2.0', 'mit', 'other', 'cc-by-4.0', 'gemma', 'llama3', 'openrail', 'unknown']);

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
};

const listen = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
    });
  });

const endless = function* (): Generator<Buffer> {
  for (;;) yield Buffer.alloc(2 ** 20, ' ');
};

/** Paths of data sets, and of the metrics that the library evaluate loads. */
const OF_DATA_SETS = /^\/(?:api\/datasets|datasets|spaces)\//;

/** Lets another server answer, with what it was asked. */
const passOn = async (request: IncomingMessage, response: ServerResponse, to: string): Promise<void> => {
  const { method = 'GET', url = '/', headers } = request;
  const body = await bodyOf(request);
  const asked = ask(new URL(url, to), { method, headers }, (answered) => {
    response.writeHead(answered.statusCode ?? 500, answered.headers);
    answered.pipe(response);
  });
  asked.on('error', () => response.destroy());
  asked.end(body);
};

/**
 * A Hub on loopback, as `huggingface_hub` and `@huggingface/hub` know it, without xet: itself, and its CDN. `dataSets`:
 * address of the server that has its data sets.
 */
export const startLoopbackHub = async (dataSets?: string): Promise<LoopbackHub> => {
  const repositories = new Map<string, StoredRepository>();
  const large = new Map<string, Buffer>();
  const seen: SeenRequest[] = [];
  const listedToo: string[] = [];
  const claimedBytes = new Map<string, number>();
  let commits = 0;

  const addCommit = (repository: StoredRepository, branch: string, files: ReadonlyMap<string, StoredFile>): string => {
    commits += 1;
    const commit = createHash('sha1')
      .update(`${repository.id} ${String(commits)}`)
      .digest('hex');
    repository.commits.set(commit, files);
    repository.refs.set(branch, commit);
    return commit;
  };
  const stored = (path: string, content: string | Buffer): StoredFile => {
    const bytes = Buffer.from(content);
    const file = { bytes, isLarge: isLargeName(path) && bytes.length > 0 };
    if (file.isLarge) large.set(sha256(bytes), bytes);
    return file;
  };
  const create = (id: string, isPrivate: boolean): StoredRepository => {
    const made: StoredRepository = { id, isPrivate, isGated: false, commits: new Map(), refs: new Map() };
    repositories.set(id, made);
    addCommit(made, 'main', new Map());
    return made;
  };

  const answer = (
    response: ServerResponse,
    status: number,
    body: unknown = '',
    headers: Readonly<Record<string, string>> = {},
  ): void => {
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    const bytes = Buffer.from(isText ? body : JSON.stringify(body));
    response.writeHead(status, {
      ...(isText ? {} : { 'content-type': 'application/json' }),
      'content-length': String(bytes.length),
      'x-request-id': 'loopback-1',
      ...headers,
    });
    response.end(bytes);
  };
  const refuse = (response: ServerResponse, status: number, code: string | null, message: string): void => {
    const headers = { ...(code === null ? {} : { 'x-error-code': code }), 'x-error-message': message };
    answer(response, status, { error: message }, headers);
  };

  /** Sends a file, or the part of it that is asked for, with what goes wrong. */
  const send = (
    request: IncomingMessage,
    response: ServerResponse,
    file: Buffer,
    headers: Readonly<Record<string, string>>,
    fault: Fault | null,
  ): void => {
    const content = Buffer.from(file);
    if (fault?.flip !== undefined) content[fault.flip] = 255 - (content[fault.flip] ?? 0);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isPart = first !== undefined && fault?.whole !== true;
    const [start, end] = isPart
      ? [Number(first), last === '' || last === undefined ? content.length : Math.min(content.length, Number(last) + 1)]
      : [0, content.length];
    if (isPart && start >= content.length) {
      answer(response, 416, '', { 'content-range': `bytes */${String(content.length)}` });
      return;
    }
    const part = content.subarray(start, end);
    response.writeHead(isPart ? 206 : 200, {
      ...headers,
      'content-length': String(part.length),
      'accept-ranges': 'bytes',
      ...(isPart ? { 'content-range': `bytes ${String(start)}-${String(end - 1)}/${String(content.length)}` } : {}),
    });
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const most = fault?.cutAfter ?? fault?.silentAfter;
    if (most === undefined || most >= part.length) {
      response.end(part);
      return;
    }
    response.write(part.subarray(0, most), () => {
      if (fault?.cutAfter !== undefined) response.destroy();
    });
  };

  /** The repository that a request may read; null where it was refused. */
  const readable = (request: IncomingMessage, response: ServerResponse, id: string): StoredRepository | null => {
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (token !== undefined && token !== TOKEN && token !== POOR_TOKEN) {
      refuse(response, 401, null, 'Invalid credentials in Authorization header');
      return null;
    }
    const repository = repositories.get(id);
    if (repository === undefined || (repository.isPrivate && token !== TOKEN)) {
      refuse(response, token === undefined ? 401 : 404, 'RepoNotFound', 'Repository not found');
      return null;
    }
    return repository;
  };
  const commitOf = (repository: StoredRepository, response: ServerResponse, revision: string): string | null => {
    const name = decodeURIComponent(revision);
    const commit =
      repository.refs.get(name === 'HEAD' ? 'main' : name) ?? (repository.commits.has(name) ? name : undefined);
    if (commit !== undefined) return commit;
    refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${name}`);
    return null;
  };
  const entriesOf = (files: ReadonlyMap<string, StoredFile>) =>
    [...files].map(([path, file]) => ({
      type: 'file',
      path,
      size: file.bytes.length,
      oid: gitSha(file.isLarge ? Buffer.from(`pointer ${sha256(file.bytes)}`) : file.bytes),
      ...(file.isLarge
        ? { lfs: { oid: sha256(file.bytes), size: claimedBytes.get(path) ?? file.bytes.length, pointerSize: 134 } }
        : {}),
    }));
  const infoOf = (repository: StoredRepository, commit: string) => ({
    _id: repository.id,
    id: repository.id,
    modelId: repository.id,
    sha: commit,
    private: repository.isPrivate,
    gated: repository.isGated ? 'manual' : false,
    downloads: 10,
    likes: 1,
    tags: [],
    pipeline_tag: 'text-generation',
    lastModified: '2026-01-01T00:00:00.000Z',
    siblings: [...(repository.commits.get(commit)?.keys() ?? [])].map((rfilename) => ({ rfilename })),
    config: configOf(repository, commit),
  });
  const configOf = (repository: StoredRepository, commit: string): unknown => {
    const text = repository.commits.get(commit)?.get('config.json')?.bytes.toString();
    const { model_type: modelType } = text === undefined ? {} : (parsePythonJson(text) as { model_type?: string });
    return modelType === undefined ? undefined : { model_type: modelType };
  };

  const resolveFile = (
    request: IncomingMessage,
    response: ServerResponse,
    [id, revision, path]: readonly [string, string, string],
    fault: Fault | null,
  ): void => {
    const repository = readable(request, response, id);
    if (repository === null) return;
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (repository.isGated && token !== TOKEN) {
      const message = `Access to model ${id} is restricted.`;
      refuse(response, token === undefined ? 401 : 403, 'GatedRepo', message);
      return;
    }
    const commit = commitOf(repository, response, revision);
    if (commit === null) return;
    const file = repository.commits.get(commit)?.get(path.split('/').map(decodeURIComponent).join('/'));
    if (file === undefined) {
      answer(response, 404, { error: 'Entry not found' }, { 'x-error-code': 'EntryNotFound', 'x-repo-commit': commit });
      return;
    }
    const headers = { 'x-repo-commit': commit, ...fault?.headers };
    if (!file.isLarge) {
      send(request, response, file.bytes, { etag: `"${etagOf(file)}"`, ...headers }, fault);
      return;
    }
    const oid = sha256(file.bytes);
    answer(response, 302, 'Found. Redirecting', {
      location: `${hub.cdn}/blob/${oid}?signature=secret`,
      'x-linked-etag': `"${oid}"`,
      'x-linked-size': String(file.bytes.length),
      etag: `"${gitSha(file.bytes)}"`,
      ...headers,
    });
  };

  const commitFiles = (repository: StoredRepository, branch: string, text: string): string => {
    const current = repository.refs.get(branch) ?? '';
    const files = new Map(repository.commits.get(current) ?? []);
    for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
      const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
      const path = value['path'] ?? '';
      if (key === 'file')
        files.set(
          path,
          stored(path, Buffer.from(value['content'] ?? '', value['encoding'] === 'base64' ? 'base64' : 'utf8')),
        );
      if (key === 'lfsFile') {
        const bytes = large.get(value['oid'] ?? '');
        if (bytes === undefined) throw new Error(`${path} was not uploaded`);
        files.set(path, { bytes, isLarge: true });
      }
      if (key === 'deletedFile') files.delete(path);
    }
    return addCommit(repository, branch, files);
  };

  /** Answers about a card as the Hub does: licences outside its list, and base models that are no repositories. */
  const cardErrors = (content: string): readonly string[] => {
    const [, yaml = ''] = /^---\n([\s\S]*?)\n---/.exec(content) ?? [];
    const value = (key: string): string | null =>
      new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(yaml)?.[1]?.replaceAll(/["']/g, '').trim() ?? null;
    const [licence, base] = [value('license'), value('base_model')];
    return [
      ...(licence === null || LICENCES.has(licence) ? [] : ['"license" must be one of [apache-2.0, mit, ...]']),
      ...(base === null || /^[\w.-]+\/[\w.-]+$/.test(base)
        ? []
        : ['"base_model" with value is not valid. Use a model id from https://hf.co/models.']),
    ];
  };

  const write = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const isAllowed = request.headers.authorization === `Bearer ${TOKEN}`;
    const at = url.pathname;
    const denied = (): boolean => {
      refuse(response, 401, null, 'Invalid credentials in Authorization header');
      return true;
    };
    if (at === '/api/validate-yaml') {
      const { content } = JSON.parse((await bodyOf(request)).toString()) as { content: string };
      const errors = cardErrors(content).map((message) => ({ message }));
      answer(response, errors.length > 0 ? 400 : 200, { errors, warnings: [] });
      return true;
    }
    if (at === '/api/repos/create') {
      if (!isAllowed) return denied();
      const {
        name,
        organization,
        private: isPrivate,
        visibility,
      } = JSON.parse((await bodyOf(request)).toString()) as {
        name: string;
        organization?: string | null;
        private?: boolean;
        visibility?: string;
      };
      const id = name.includes('/') ? name : `${organization ?? OWNER}/${name}`;
      if (repositories.has(id)) {
        answer(response, 409, { error: 'You already created this model repo', url: `${hub.endpoint}/${id}` });
        return true;
      }
      create(id, isPrivate === true || visibility === 'private');
      answer(response, 200, { url: `${hub.endpoint}/${id}`, name: id, id });
      return true;
    }
    const [, uploadId, action, branch = 'main'] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(preupload|commit|paths-info)\/(.+)$/.exec(at) ?? [];
    const [, batchId] = /^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(at) ?? [];
    const id = uploadId ?? batchId;
    if (id === undefined) return false;
    if (!isAllowed && action !== 'paths-info') return denied();
    const repository = readable(request, response, id);
    if (repository === null) return true;
    const body = (await bodyOf(request)).toString();
    if (action === 'paths-info') {
      const commit = commitOf(repository, response, branch);
      if (commit === null) return true;
      const wanted = request.headers['content-type']?.includes('json')
        ? (JSON.parse(body) as { paths: string | string[] }).paths
        : new URLSearchParams(body).getAll('paths');
      const files = repository.commits.get(commit) ?? new Map<string, StoredFile>();
      answer(
        response,
        200,
        entriesOf(files).filter(({ path }) => wanted.includes(path)),
      );
    } else if (action === 'preupload') {
      const { files } = JSON.parse(body) as { files: { path: string; size: number }[] };
      const modes = files.map(({ path, size }) => ({
        path,
        uploadMode: isLargeName(path) && size > 0 ? 'lfs' : 'regular',
        shouldIgnore: false,
        oid: null,
      }));
      answer(response, 200, { files: modes });
    } else if (action === 'commit') {
      const oid = commitFiles(repository, decodeURIComponent(branch), body);
      const commitUrl = `${hub.endpoint}/${id}/commit/${oid}`;
      answer(response, 200, { success: true, commitOid: oid, commitUrl, hookOutput: '' });
    } else {
      const { objects } = JSON.parse(body) as { objects: { oid: string; size: number }[] };
      answer(
        response,
        200,
        {
          transfer: 'basic',
          objects: objects.map(({ oid, size }) => ({
            oid,
            size,
            ...(large.has(oid)
              ? {}
              : { actions: { upload: { href: `${hub.cdn}/upload/${oid}?signature=secret`, header: {} } } }),
          })),
        },
        { 'content-type': 'application/vnd.git-lfs+json' },
      );
    }
    return true;
  };

  const read = (request: IncomingMessage, response: ServerResponse, url: URL, fault: Fault | null): void => {
    const at = url.pathname;
    const [, id, revision, path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(at) ?? [];
    if (id !== undefined && revision !== undefined && path !== undefined) {
      resolveFile(request, response, [id, revision, path], fault);
      return;
    }
    if (at === '/api/whoami-v2') {
      if (request.headers.authorization === `Bearer ${TOKEN}`)
        answer(response, 200, { type: 'user', id: '1', name: OWNER, orgs: [], auth: { accessToken: {} } });
      else refuse(response, 401, null, 'Invalid credentials in Authorization header');
      return;
    }
    if (at === '/api/models') {
      const query = (url.searchParams.get('search') ?? '').toLowerCase();
      const found = [...repositories.values()].filter(
        ({ id: each, isPrivate }) => each.toLowerCase().includes(query) && !isPrivate,
      );
      const infos = found.map((repository) => infoOf(repository, repository.refs.get('main') ?? ''));
      answer(response, 200, infos);
      return;
    }
    const [, listedId, what, listedRevision = 'main'] =
      /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree)\/([^/]+))?$/.exec(at) ?? [];
    if (listedId === undefined) {
      answer(response, 404, { error: 'Not found' });
      return;
    }
    const repository = readable(request, response, listedId);
    const commit = repository === null ? null : commitOf(repository, response, listedRevision);
    if (repository === null || commit === null) return;
    if (what !== 'tree') {
      answer(response, 200, infoOf(repository, commit));
      return;
    }
    // Pages of three, so that clients must follow the links.
    const all = entriesOf(repository.commits.get(commit) ?? new Map<string, StoredFile>());
    for (const path of listedToo) all.push({ type: 'file', path, size: 1, oid: 'a'.repeat(40) });
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const next = new URL(url);
    next.searchParams.set('cursor', String(from + 3));
    answer(response, 200, all.slice(from, from + 3), {
      'x-repo-commit': commit,
      ...(from + 3 < all.length ? { link: `<${next.href}>; rel="next"` } : {}),
    });
  };

  const note = (host: SeenRequest['host'], request: IncomingMessage): Fault | null => {
    const noted: SeenRequest = {
      host,
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization ?? null,
      range: request.headers.range ?? null,
    };
    seen.push(noted);
    return hub.fault?.(noted) ?? null;
  };
  /** What goes wrong before the answer. */
  const failed = (request: IncomingMessage, response: ServerResponse, fault: Fault | null): boolean => {
    if (fault?.mute === true) return true;
    if (fault?.cutAfter === 0) request.socket.destroy();
    else if (fault?.headersOnly === true) {
      response.writeHead(200, { 'content-length': '1000' });
      response.flushHeaders();
      request.socket.end();
    } else if (fault?.body === 'page') answer(response, 200, '<html>Log in to this network</html>');
    else if (fault?.body !== undefined) {
      response.writeHead(200, { 'content-type': 'application/json' });
      if (fault.body === 'silent') response.write('[');
      else Readable.from(endless()).pipe(response);
    } else if (fault?.status !== undefined) answer(response, fault.status, '', fault.headers ?? {});
    else return false;
    return true;
  };

  const hubServer = createServer((request, response) => {
    const fault = note('hub', request);
    if (failed(request, response, fault)) return;
    const url = new URL(request.url ?? '/', hub.endpoint);
    if (dataSets !== undefined && OF_DATA_SETS.test(url.pathname)) {
      void passOn(request, response, dataSets);
      return;
    }
    if (request.method === 'POST') {
      void write(request, response, url).then(
        (isDone) => {
          if (!isDone) answer(response, 404, { error: 'Not found' });
        },
        (error: unknown) => refuse(response, 500, null, String(error)),
      );
    } else read(request, response, url, fault);
  });
  const cdnServer = createServer((request, response) => {
    const fault = note('cdn', request);
    if (failed(request, response, fault)) return;
    const [, kind, oid = ''] = /^\/(blob|upload)\/([0-9a-f]{64})\?signature=secret$/.exec(request.url ?? '') ?? [];
    if (kind === 'upload' && request.method === 'PUT') {
      // As stores of large files do.
      if (request.headers['content-length'] === undefined) {
        answer(response, 411);
        return;
      }
      void bodyOf(request).then(
        (bytes) => {
          if (sha256(bytes) === oid) large.set(oid, bytes);
          answer(response, sha256(bytes) === oid ? 200 : 400);
        },
        // The uploader went away.
        () => undefined,
      );
      return;
    }
    const file = large.get(oid);
    if (file === undefined) answer(response, 404);
    else send(request, response, file, { etag: '"an-etag-of-the-cdn"' }, fault);
  });

  const hub: LoopbackHub = {
    endpoint: await listen(hubServer),
    cdn: await listen(cdnServer),
    seen,
    fault: null,
    listedToo,
    claimedBytes,
    publish: (id, files, { isPrivate = false, isGated = false } = {}) => {
      const repository = repositories.get(id) ?? create(id, isPrivate);
      Object.assign(repository, { isPrivate, isGated });
      return addCommit(
        repository,
        'main',
        new Map(Object.entries(files).map(([path, content]) => [path, stored(path, content)])),
      );
    },
    contentOf: (id, path) => {
      const repository = repositories.get(id);
      return repository?.commits.get(repository.refs.get('main') ?? '')?.get(path)?.bytes;
    },
    filesOf: (id) => {
      const repository = repositories.get(id);
      return [...(repository?.commits.get(repository.refs.get('main') ?? '')?.keys() ?? [])].sort();
    },
    close: async () => {
      for (const server of [hubServer, cdnServer]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return hub;
};
