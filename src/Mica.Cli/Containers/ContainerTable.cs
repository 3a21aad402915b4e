using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;

namespace Mica.Cli.Containers;

/// <summary>The rows of <c>mica ps</c>.</summary>
internal static class ContainerTable
{
    public static Listing Of(bool size) => new("container",
    [
        new("Command", "COMMAND"), new("CreatedAt", "CREATED AT"), new("ID", "CONTAINER ID"), new("Image", "IMAGE"), new("Labels", "LABELS"),
        new("LocalVolumes", "LOCAL VOLUMES"), new("Mounts", "MOUNTS"), new("Names", "NAMES"), new("Networks", "NETWORKS"), new("Platform", "PLATFORM"),
        new("Ports", "PORTS"), new("RunningFor", "CREATED"), new("Size", "SIZE"), new("State", "STATE"), new("Status", "STATUS"),
    ])
    {
        Table = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}" + (size ? "\t{{.Size}}" : ""),
        Raw = "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{.State}}\nstatus: {{.Status}}\nnames: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n"
            + (size ? "size: {{.Size}}\n" : ""),
        RawQuiet = "container_id: {{.ID}}",
    };

    public static RowValue Row(Listing listing, Container container, string size, bool truncates, DateTimeOffset now)
    {
        ContainerDefinition definition = container.Definition;
        string[] mounts = [.. definition.Mounts.Where(mount => mount.Type is "bind" or "volume")
            .Select(mount => truncates && mount.Source.Length > 15 ? mount.Source[..14] + "…" : mount.Source)];
        return listing.Row(
            ContainerText.Command(container, truncates),
            HumanTime.Plain(container.Created),
            truncates ? container.ShortId : container.Id,
            definition.Image,
            string.Join(',', definition.Labels.Select(label => $"{label.Key}={label.Value}")),
            definition.Mounts.Count(mount => mount.Type == "volume").ToString(null, null),
            string.Join(',', mounts),
            container.Name,
            string.Join(',', definition.Networking.Endpoints.IsEmpty ? [definition.Networking.Mode] : definition.Networking.Endpoints.Keys),
            definition.Platform ?? "",
            ContainerText.Ports(container),
            HumanTime.Since(container.Created, now),
            size,
            ContainerText.State(container.State.Status),
            ContainerText.Status(container, now));
    }

    /// <summary><c>12kB (virtual 124MB)</c>.</summary>
    public static string Size((long Own, long Image) size) => $"{HumanSize.Short(size.Own)} (virtual {HumanSize.Short(size.Own + size.Image)})";
}
