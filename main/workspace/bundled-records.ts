// Generated from resources/*/run by "npm run docs"; tests/structure/bundled-records.test.ts compares.

/** SHA-256 of every file of the bundled records as a workspace gets it, by record. */
export const bundledRecords: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  elsewhere: {
    'manifest.json': '36b821495be4f7b0edfa756963098c33f0527863bf9752d9d07e9440aee790bf',
    'results.json': 'aef17400c921fd6a1da9d4ccd16cde38b6967379a371f80f7c735ce3c170827d',
  },
  endings: {
    'manifest.json': 'ba089f2c002076a34d8a5e42ef5c19e2531b3d1868771992900b92b2d3c200f3',
    'results.json': '920299ab0af742aef8f0c539f5dac0bb2f73c79142dd044e6be887932f0da901',
  },
  experiment: {
    'experiment.json': 'a45be568a67715c3dac681825d6d2e3a3dd4700d772d6fe5f16714ac4069f60b',
    'manifest.json': '942b1bdf428a8204185f958dfe1d6d5b62fddc8b867cb580e05e4af3e7d47fb5',
  },
  forecast: {
    'manifest.json': '51c85ad868c7706d903a159d59cfe57a4c78fc80e67596075ff0df8fbc014882',
    'results.json': 'edf29c482a7a3856698fe5c667fb290d48135d3482f1a310fae18f17ee8ab3cf',
  },
  frontier: {
    'frontier.json': 'ccab46372dad7c9d5bc2412b1aa2a3041b69e8d259d3dad1df1463734ff18c4d',
    'manifest.json': '49eaead2ef86f2df0118cc1daf79866d52eb98a95380aab28a112e6c8537de1a',
  },
  luck: {
    'manifest.json': 'e54c6836b3f96bf4c69304d1fb0326e76fb84a141d153cf642b5828c8d9c7946',
    'results.json': '00c2a5a5b63b99700b08da005b6c5c496f5b2967a90dd0710634682e456e6e3e',
  },
  sample: {
    'manifest.json': 'ea8c82c7d7ef8f2d8be2e06e7e838e2de3434dd1e75092d0d1e1ba63190bedb1',
    'outcomes.parquet': 'c5c78c7b8def2ed2a910d4d759edae3371bf5837b6238cc631b4cf76d1f1adbd',
    'plans.json': '1bd6fcf183f569cecbb281700cf04bdeb85ba9343ed2ef09f67906ea21f42116',
    'points.json': '6d6f047d4496e2423c71cfdc0421ae713d7dccea85e9bafe1866bf0963ddf82b',
    'profile-uncurl-16.safetensors': 'c4ea0d73be2de9ab7de63163c6b7c0e5d391e0b85186083e8aca5d2705709c3b',
    'profile-uncurl-32.safetensors': '1707ca9361a8aa7b2b7d0e1ec4601783b242cdd86933db30872bf886868744ae',
    'profile-uncurl-64.safetensors': '436bf818364547dfcdeb54abad3e0482c243d02002d1a195370e0d8009b61a38',
    'profile-uncurl-8.safetensors': '63bf51f3ec2e8911d83400a0fc642d50fc5980d0190a5e0986b51ed0cb49fb2a',
    'results.json': 'a8853d6e86d5c9f395d6724df4a152c154ee5c49763a29dc967d074721380597',
  },
};
