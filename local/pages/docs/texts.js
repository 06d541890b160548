/* The texts around the API's document, in English and Hindi. The document itself is in English. */
import {texts} from "../lang.js"

const TEXTS = {
  title: ["{0}, version {1}", "{0}, संस्करण {1}"],
  skip: ["Skip to the operations", "ऑपरेशनों पर जाएँ"],
  operations: ["Operations", "ऑपरेशन"],
  try_as: ["Try as", "के रूप में आज़माएँ"],
  console: ["Console", "कंसोल"],
  find: ["Find", "खोजें"],
  find_hint: ["refund, POST, /wallets", "refund, POST, /wallets"],
  nothing_found: ["No operation has these words.", "इन शब्दों वाला कोई ऑपरेशन नहीं।"],
  parameters: ["Parameters", "पैरामीटर"],
  body: ["Body", "बॉडी"],
  body_of: ["Body, {0}", "बॉडी, {0}"],
  responses: ["Responses", "उत्तर"],
  headers: ["Headers: {0}", "हेडर: {0}"],
  required: ["required", "आवश्यक"],
  or: ["or", "या"],
  list_of: ["list of {0}", "{0} की सूची"],
  one_of: ["one of", "इनमें से एक"],
  constant: ["constant", "स्थिर"],
  any: ["any", "कुछ भी"],
  minimum: ["at least {0}", "कम से कम {0}"],
  maximum: ["at most {0}", "अधिकतम {0}"],
  characters: ["{0} to {1} characters", "{0} से {1} अक्षर"],
  try_it: ["Try it", "आज़माएँ"],
  send: ["Send", "भेजें"],
  copy_curl: ["Copy as curl", "curl के रूप में कॉपी"],
  copied: ["Copied", "कॉपी हुआ"],
  took: ["in {0} ms", "{0} ms में"],
  unreachable: ["The service cannot be reached.", "सेवा तक नहीं पहुँचा जा सका।"],
}

export const {t, missing, fill} = texts(TEXTS)
