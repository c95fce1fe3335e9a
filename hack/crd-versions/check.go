// Validates a CustomResourceDefinition, and objects of it, with the code of the API server of one version.
//
// Usage: check DEFINITION.yaml [OBJECTS.json]. OBJECTS.json is an object: names to objects. Standard output is JSON:
// "definition" has what the API server objects to in the definition, "objects" the same for each object, by its name.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	definitions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	sigsjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

type report struct {
	Definition []string            `json:"definition"`
	Objects    map[string][]string `json:"objects"`
}

func main() {
	definition := read(os.Args[1])
	result := report{Definition: texts(definitions.ValidateCustomResourceDefinition(context.Background(), definition))}
	if len(os.Args) > 2 {
		text, err := os.ReadFile(os.Args[2])
		check(err)
		var objects map[string]json.RawMessage
		check(json.Unmarshal(text, &objects))
		result.Objects = refusals(definition, objects)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(result))
}

// read returns the definition as the API server has it before it validates it.
func read(path string) *apiextensions.CustomResourceDefinition {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	text, err := os.ReadFile(path)
	check(err)
	data, err := yaml.YAMLToJSON(text)
	check(err)
	decoder := serializer.NewCodecFactory(scheme).UniversalDecoder(apiextensions.SchemeGroupVersion)
	object, _, err := decoder.Decode(data, nil, nil)
	check(err)
	definition := object.(*apiextensions.CustomResourceDefinition)
	for _, version := range definition.Spec.Versions {
		if version.Storage {
			definition.Status.StoredVersions = []string{version.Name}
		}
	}
	return definition
}

// refusals returns for each object what is wrong with it: by the schema and, where that leaves no doubt what is what, by
// its rules. It does what the API server does when such an object is created, as far as the schema is concerned.
func refusals(definition *apiextensions.CustomResourceDefinition, objects map[string]json.RawMessage) map[string][]string {
	properties := definition.Spec.Validation
	if properties == nil {
		properties = definition.Spec.Versions[0].Schema
	}
	structural, err := schema.NewStructural(properties.OpenAPIV3Schema)
	check(err)
	bySchema, _, err := validation.NewSchemaValidator(properties.OpenAPIV3Schema)
	check(err)
	byRules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	result := map[string][]string{}
	for name, text := range objects {
		var object map[string]any
		check(sigsjson.UnmarshalCaseSensitivePreserveInts(text, &object))
		defaulting.Default(object, structural)
		problems := validation.ValidateCustomResource(nil, object, bySchema)
		if !blocks(problems) {
			ruled, _ := byRules.Validate(
				context.Background(), nil, structural, object, nil, celconfig.RuntimeCELCostBudget)
			problems = append(problems, ruled...)
		}
		result[name] = texts(problems)
	}
	return result
}

// blocks returns whether problems are of the types for which the API server leaves out the rules.
func blocks(problems field.ErrorList) bool {
	for _, problem := range problems {
		switch problem.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany,
			field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}

func texts(problems field.ErrorList) []string {
	result := []string{}
	for _, problem := range problems {
		result = append(result, problem.Error())
	}
	return result
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
