export function prepare(): Promise<unknown>;
export function readBarcodes(
  picture: ImageData,
  options: object,
): Promise<{ text: string; symbologyIdentifier: string }[]>;
