// 0.87 -> "87 %", and never the 0 % or 100 % that no model can know.
export function percent(share) {
  if (share < 0.005) return "under 1 %";
  return share < 0.995 ? `${(100 * share).toFixed(0)} %` : "over 99 %";
}
