/** The protocol-buffer classes that a SavedModel needs, as the binding's package ships them. */
import { loadGraphMessages } from '../../packages.ts';

export interface Messages {
  readonly SavedModel: new () => {
    setSavedModelSchemaVersion(version: number): void;
    addMetaGraphs(graph: MetaGraphMessage): void;
    serializeBinary(): Uint8Array;
  };
  readonly MetaGraphDef: (new () => MetaGraphMessage) & {
    readonly MetaInfoDef: new () => { addTags(tag: string): void };
  };
  readonly GraphDef: new () => {
    addNode(node: NodeMessage): void;
    setVersions(versions: object): void;
    serializeBinary(): Uint8Array;
  };
  readonly VersionDef: new () => { setProducer(version: number): void };
  readonly NodeDef: new () => NodeMessage;
  readonly AttrValue: (new () => AttributeMessage) & {
    readonly ListValue: new () => { setIList(values: number[]): void };
  };
  readonly Tensor: new () => {
    setDtype(type: number): void;
    setTensorShape(shape: ShapeMessage): void;
    setTensorContent(bytes: Uint8Array): void;
  };
  readonly TensorShape: (new () => ShapeMessage) & {
    readonly Dim: new () => { setSize(size: number): void };
  };
}

interface MetaGraphMessage {
  setMetaInfoDef(info: object): void;
  setGraphDef(graph: object): void;
}

export interface NodeMessage {
  setName(name: string): void;
  setOp(operation: string): void;
  addInput(input: string): void;
  getAttrMap(): { set(name: string, value: AttributeMessage): void };
}

export interface AttributeMessage {
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setS(value: Uint8Array): void;
  setType(type: number): void;
  setList(list: object): void;
  setTensor(tensor: object): void;
  setShape(shape: ShapeMessage): void;
}

export interface ShapeMessage {
  addDim(dimension: object): void;
}

export function graphMessages(): Messages {
  return loadGraphMessages() as Messages;
}
