/** The folders of `main`, innermost first: a folder imports only itself and those before it. */
const layers = [
  ...['contract', 'words', 'statistics', 'evaluation', 'figures', 'files', 'arithmetic', 'tasks', 'checkpoint'],
  ...[
    'graph',
    'profile',
    'pruning',
    'inference',
    'generation',
    'workspace',
    'cluster',
    'export',
    'hub',
    'finetune',
    'harness',
    'torch',
    'runs',
  ],
  ...['jobs', 'report', 'reading', 'sample', 'reproduction', 'compute', 'engine', 'hosts', 'cli'],
];

/** The pure ring: what the engine and the window both import. */
const ring = '^main/(contract|words|statistics|evaluation|figures)/';

/** A rule for the imports of one folder; `dependencyTypes` and `path` refer to the imported module. */
const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from: { path: from }, to });

export default {
  forbidden: [
    {
      name: 'no-cycle',
      comment: 'Files that import each other cannot be understood separately.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-missing-file',
      comment: 'The file does not exist.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    rule('contract-alone', 'The contract imports only itself and zod.', '^main/contract/', {
      pathNot: '^(main/contract/|.*node_modules/zod/)',
    }),
    rule('pure-ring', 'Code that both sides import uses neither Node nor anything outside the ring.', ring, {
      path: '^(main|renderer|electron)/',
      pathNot: ring,
    }),
    rule(
      'pure-ring-without-node',
      'Code that both sides import does not use Node: files and deflate are arguments.',
      ring,
      {
        dependencyTypes: ['core'],
      },
    ),
    rule('engine-without-shell', 'The engine runs in plain Node: no shell, no window.', '^main/', {
      path: '^(electron|renderer)/|(^|/)node_modules/(electron|react|react-dom)/',
    }),
    rule('shell-knows-contract', 'The shell imports only itself and the contract.', '^electron/', {
      path: '^(main|renderer)/',
      pathNot: '^main/contract/',
    }),
    rule('window-knows-ring', 'The window imports only itself and the pure ring.', '^renderer/', {
      path: '^(main|electron)/',
      pathNot: ring,
    }),
    rule('window-without-node', 'The window runs in a browser.', '^renderer/', { dependencyTypes: ['core'] }),
    rule('window-without-electron', 'The window runs in a browser.', '^renderer/', {
      path: '(^|/)node_modules/electron/',
    }),
    rule(
      'features-apart',
      'Code shared by several views lies in renderer/plan, sweep, profile, definitions or components.',
      '^renderer/features/([^/]+)/',
      { path: '^renderer/features/', pathNot: '^renderer/features/$1/' },
    ),
    rule('plan-below-profile', 'Maps show plans; plans know no maps.', '^renderer/plan/', {
      path: '^renderer/(profile|sweep)/',
    }),
    rule(
      'features-on-top',
      'Shared parts of the window do not import the views.',
      '^renderer/(?!features/|app/|main)',
      {
        path: '^renderer/(features|app)/',
      },
    ),
    rule('files-below', 'Code that reads and writes files does not import runs, jobs or the engine.', '^main/files/', {
      path: '^main/(?!files/|contract/)',
    }),
    ...layers.slice(0, -1).map((name, index) =>
      rule(`${name}-inward`, 'A folder imports only those before it in the list of layers.', `^main/${name}/`, {
        path: `^main/(${layers.slice(index + 1).join('|')})/`,
      }),
    ),
    rule(
      'listed-layer',
      'Every folder of main is in the list of layers.',
      `^main/(?!(${layers.join('|')})/)[^/]+/`,
      {},
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
