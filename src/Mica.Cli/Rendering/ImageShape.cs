using Mica.Cli.Templates;

namespace Mica.Cli.Rendering;

/// <summary>What docker's types declare for the members of inspect documents.</summary>
internal static class ImageShape
{
    public static MemberShape Of(string member) => member switch
    {
        "RepoTags" or "RepoDigests" or "Env" or "Cmd" or "Entrypoint" or "OnBuild" or "Shell" or "Layers" or "Test"
            or "Manifests" or "Args" or "Binds" or "CapAdd" or "CapDrop" or "Dns" or "DnsOptions" or "DnsSearch" or "ExtraHosts" or "GroupAdd"
            or "SecurityOpt" or "Mounts" or "Aliases" => MemberShape.List,
        "Labels" or "ExposedPorts" or "Volumes" or "Data" or "annotations" or "Ports" or "PortBindings" or "Networks"
            or "Containers" or "Options" or "Tmpfs" or "Sysctls" => MemberShape.Map,
        _ => MemberShape.Plain,
    };
}
