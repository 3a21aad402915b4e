using Mica.Cli.Templates;

namespace Mica.Cli.Rendering;

/// <summary>What docker's types declare for the members of an image's inspect document.</summary>
internal static class ImageShape
{
    public static MemberShape Of(string member) => member switch
    {
        "RepoTags" or "RepoDigests" or "Env" or "Cmd" or "Entrypoint" or "OnBuild" or "Shell" or "Layers" or "Test"
            or "Manifests" => MemberShape.List,
        "Labels" or "ExposedPorts" or "Volumes" or "Data" or "annotations" => MemberShape.Map,
        _ => MemberShape.Plain,
    };
}
