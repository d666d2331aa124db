package config

import (
	"bytes"
	"encoding/json"
)

// Schema is the JSON Schema (draft 2020-12) of the configuration, for editors,
// with descriptions from the text of the commented configuration. It knows the structure and single values; what takes more than one value to see,
// only the loader finds.
func Schema(reference string) ([]byte, error) {
	docs, err := documented(reference)
	if err != nil {
		return nil, err
	}
	top := schemaOf(keys, docs)
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "stead configuration"
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(top); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func schemaOf(s *shape, docs map[*field]entryDoc) map[string]any {
	switch s.kind {
	case mappingShape:
		return schemaOfMapping(s, docs)
	case namedShape:
		return map[string]any{"type": "object", "maxProperties": s.most,
			"propertyNames": s.name.schema, "additionalProperties": schemaOf(s.elem, docs)}
	case listShape:
		return map[string]any{"type": "array", "maxItems": s.most, "items": schemaOf(s.elem, docs)}
	case perNodeShape:
		return map[string]any{"anyOf": []any{schemaOf(s.elem, docs), map[string]any{"type": "object", "maxProperties": s.most,
			"propertyNames": s.name.schema, "additionalProperties": schemaOf(s.elem, docs)}}}
	case eitherShape:
		var forms []any
		for _, of := range s.shapes {
			forms = append(forms, schemaOf(of, docs))
		}
		return map[string]any{"anyOf": forms}
	case commandShape:
		return map[string]any{"anyOf": []any{
			map[string]any{"type": "string", "minLength": 1},
			map[string]any{"type": "array", "minItems": 1, "maxItems": maxArguments, "items": map[string]any{"type": "string"}}}}
	default:
		out := map[string]any{}
		for k, v := range s.scalar.schema {
			out[k] = v
		}
		return out
	}
}

func schemaOfMapping(s *shape, docs map[*field]entryDoc) map[string]any {
	properties := map[string]any{}
	var needed []string
	for i := range s.fields {
		f := &s.fields[i]
		p := schemaOf(f.shape, docs)
		description := docs[f].text
		if f.def != "" {
			description += " Default: " + f.def + "."
		}
		p["description"] = description
		properties[f.key] = p
		if f.required {
			needed = append(needed, f.key)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if needed != nil {
		out["required"] = needed
	}
	if s.oneOf != nil {
		var kinds []any
		for _, key := range s.oneOf {
			kinds = append(kinds, map[string]any{"required": []string{key}})
		}
		out["oneOf"] = kinds
	}
	return out
}
