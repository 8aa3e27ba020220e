// Asks a running app as a program in JavaScript does: `node ask.js ADDRESS PHOTO`. Prints one JSON object.
import { Client, handle_file } from "@gradio/client";

const [address, photo] = process.argv.slice(2);
const client = await Client.connect(address);
const upload = { photo: handle_file(photo) };

async function data(endpoint, inputs) {
  return (await client.predict(endpoint, inputs)).data;
}

async function refusal(endpoint, inputs) {
  return await client.predict(endpoint, inputs).then(() => "answered", (error) => error.message);
}

const api = await client.view_api();
const answers = {
  endpoints: Object.keys(api.named_endpoints),
  classify: (await data("/classify", { ...upload, top_k: 3 }))[0],
  explain: await data("/explain", { ...upload, label: "odissi" }),
  many: (await data("/predict_many", { files: [handle_file(photo)] }))[0][0],
  forms: (await data("/forms"))[0].map((form) => form.label),
  health: (await data("/health"))[0],
  no_photo: await refusal("/classify", { photo: null, top_k: 3 }),
  unknown_label: await refusal("/explain", { ...upload, label: "salsa" }),
  address: await refusal("/classify", { photo: handle_file(`${address}/theme.css`), top_k: 3 }),
};
console.log(JSON.stringify(answers));
process.exit(0); // the client keeps its connection open
