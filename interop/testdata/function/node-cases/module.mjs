export const handler = async () => 'from a module'; export default { other: async () => 'by default' };
