package org.json

class JSONObject(val text: String)
