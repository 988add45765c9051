import type { LpipsNetwork } from "@/contracts/lpips";

/** A file on the net that must have this SHA-256. */
export interface RemoteFile {
  readonly name: string;
  readonly url: string;
  readonly sha256: string;
}

/** torchvision's ImageNet weights of the network, and the heads of LPIPS' authors. */
export interface LpipsSource {
  readonly network: LpipsNetwork;
  readonly backbone: RemoteFile;
  readonly heads: RemoteFile;
}

const HEADS =
  "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1";

/**
 * The hashes of the heads were taken from the authors' repository at this commit. torchvision puts the first eight digits
 * into the names of its files; the whole hashes are those of public copies of the same files.
 */
export const LPIPS_SOURCES: Readonly<Record<LpipsNetwork, LpipsSource>> = {
  alex: {
    network: "alex",
    backbone: {
      name: "alexnet-owt-7be5be79.pth",
      url: "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
      sha256: "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    },
    heads: {
      name: "alex.pth",
      url: `${HEADS}/alex.pth`,
      sha256: "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    },
  },
  squeeze: {
    network: "squeeze",
    backbone: {
      name: "squeezenet1_1-b8a52dc0.pth",
      url: "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
      sha256: "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
    },
    heads: {
      name: "squeeze.pth",
      url: `${HEADS}/squeeze.pth`,
      sha256: "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    },
  },
};
